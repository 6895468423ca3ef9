"""How real systems lay themselves out in an image. One module a layout, found by walking this package."""
