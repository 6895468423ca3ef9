"""Words of SPDX 3.0: types of elements, kinds of relationships, members of packages and files.

Source: SPDX 3.0.1 model (Core, Software, AI, Dataset, Security, Licensing profiles). Kinds are brought to the words of
SPDX 2.3 where both say the same, so that a document compares with its translation.
"""

from __future__ import annotations

__all__ = ["AGENTS", "COLLECTIONS", "FILE", "KINDS", "LEFT_OUT", "LIFECYCLES", "PACKAGE", "PROPERTIES", "SCOPES", "VEX"]

AGENTS = {"Organization": "organization", "Person": "person", "SoftwareAgent": "tool", "Agent": "", "Tool": "tool"}
COLLECTIONS = frozenset({"SpdxDocument", "software_Sbom", "Bom", "Bundle"})

VEX = {
    "security_VexAffectedVulnAssessmentRelationship": "affected",
    "security_VexNotAffectedVulnAssessmentRelationship": "not_affected",
    "security_VexFixedVulnAssessmentRelationship": "fixed",
    "security_VexUnderInvestigationVulnAssessmentRelationship": "under_investigation",
}

LIFECYCLES = {
    "design": "design",
    "source": "pre-build",
    "build": "build",
    "analyzed": "post-build",
    "deployed": "operations",
    "runtime": "operations",
}
"""software_sbomType to the model's lifecycle."""

KINDS = {
    "amendedBy": ("amends", True),
    "ancestorOf": ("descendant_of", True),
    "copiedTo": ("copy_of", True),
    "expandsTo": ("expanded_from_archive", True),
    "generates": ("generated_from", True),
    "hasAddedFile": ("file_added", True),
    "hasDataFile": ("data_file_of", True),
    "hasDeletedFile": ("file_deleted", True),
    "hasDependencyManifest": ("dependency_manifest_of", True),
    "hasDistributionArtifact": ("distribution_artifact", False),
    "hasDocumentation": ("documentation_of", True),
    "hasDynamicLink": ("dynamic_link", False),
    "hasExample": ("example_of", True),
    "hasMetadata": ("metafile_of", True),
    "hasOptionalComponent": ("optional_component_of", True),
    "hasOptionalDependency": ("optional_dependency_of", True),
    "hasProvidedDependency": ("provided_dependency_of", True),
    "hasRequirement": ("requirement_description_for", True),
    "hasSpecification": ("specification_for", True),
    "hasStaticLink": ("static_link", False),
    "hasTest": ("test_of", True),
    "hasTestCase": ("test_case_of", True),
    "hasVariant": ("variant_of", True),
    "patchedBy": ("patch_for", True),
}
"""Kind of the model, and whether the ends change places. Others keep their word, in lower case with underscores."""

SCOPES = {
    "build": "build_dependency_of",
    "development": "dev_dependency_of",
    "runtime": "runtime_dependency_of",
    "test": "test_dependency_of",
}
"""Scope of a dependsOn to the SPDX 2 kind, whose ends stand the other way round."""

PROPERTIES = {
    "comment": "spdx:comment",
    "software_homePage": "spdx:homepage",
    "software_sourceInfo": "spdx:sourceInfo",
    "builtTime": "spdx:builtDate",
    "releaseTime": "spdx:releaseDate",
    "validUntilTime": "spdx:validUntilDate",
    "contentType": "spdx:contentType",
    "software_contentType": "spdx:contentType",
    "software_fileKind": "spdx:fileKind",
}
"""Members that become properties as they are."""

_ARTIFACT = (
    {"spdxId", "@id", "type", "@type", "name", "creationInfo", "verifiedUsing", "externalIdentifier", "description"}
    | {"summary", "suppliedBy", "originatedBy", "software_copyrightText", "software_primaryPurpose", "supportLevel"}
    | PROPERTIES.keys()
)
PACKAGE = frozenset(_ARTIFACT | {"software_packageVersion", "software_packageUrl", "software_downloadLocation"})
FILE = frozenset(_ARTIFACT)

LEFT_OUT = {
    "extension": "extension",
    "externalRef": "external reference",
    "standardName": "name of a standard",
    "software_additionalPurpose": "further purpose",
    "software_attributionText": "attribution text",
    "software_contentIdentifier": "content identifier",
}
"""Members that have no place in the model, and what they are counted as."""
