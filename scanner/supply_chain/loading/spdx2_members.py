"""The members of SPDX 2 objects, by their names in the JSON schema of SPDX 2.3: taken, left out, lists."""

from __future__ import annotations

__all__ = ["CREATION", "FILE", "LEFT_OUT", "LISTS", "PACKAGE", "PROPERTIES", "STREAMED", "TOP"]

STREAMED = ("packages", "files", "relationships", "snippets", "annotations")
"""Top-level lists that make a document large: readers hand on their elements one by one."""

PROPERTIES = {
    "homepage": "spdx:homepage",
    "packageFileName": "spdx:packageFileName",
    "sourceInfo": "spdx:sourceInfo",
    "builtDate": "spdx:builtDate",
    "releaseDate": "spdx:releaseDate",
    "validUntilDate": "spdx:validUntilDate",
    "comment": "spdx:comment",
    "licenseComments": "spdx:licenseComments",
}
"""Members of a package that become properties as they are."""

PACKAGE = frozenset(
    {"SPDXID", "name", "versionInfo", "supplier", "originator", "checksums", "externalRefs", "licenseConcluded"}
    | {"licenseDeclared", "copyrightText", "description", "summary", "downloadLocation", "primaryPackagePurpose"}
    | {"filesAnalyzed", "packageVerificationCode", "hasFiles"}
    | PROPERTIES.keys()
)
FILE = frozenset({"SPDXID", "fileName", "fileTypes", "checksums", "licenseConcluded", "copyrightText", "comment"})
TOP = frozenset(
    {"SPDXID", "spdxVersion", "name", "documentNamespace", "dataLicense", "creationInfo", "documentDescribes"}
    | {"hasExtractedLicensingInfos"}
    | set(STREAMED)
)
CREATION = frozenset({"created", "creators"})

LEFT_OUT = {
    "annotations": "annotation",
    "artifactOfs": "artifact of a project",
    "attributionTexts": "attribution text",
    "comment": "comment",
    "externalDocumentRefs": "external document reference",
    "fileContributors": "file contributor",
    "fileDependencies": "file dependency",
    "licenseComments": "comment",
    "licenseInfoFromFiles": "licence found in files",
    "licenseInfoInFiles": "licence found in files",
    "licenseListVersion": "version of the licence list",
    "noticeText": "notice",
    "revieweds": "review",
    "snippets": "snippet",
}
"""Members that have no place in the model, and what they are counted as."""

LISTS = frozenset(
    {
        "checksums",
        "creators",
        "documentDescribes",
        "externalRefs",
        "fileTypes",
        "hasExtractedLicensingInfos",
        "hasFiles",
    }
    | {"packageVerificationCodeExcludedFiles", "ranges", "seeAlsos"}
    | {"annotations", "artifactOfs", "attributionTexts", "externalDocumentRefs", "fileContributors", "fileDependencies"}
    | {"licenseInfoFromFiles", "licenseInfoInFiles", "revieweds", "licenseInfoInSnippets", "crossRefs"}
    | set(STREAMED)
)
"""Members that are lists, for encodings in which a list of one looks like a value alone."""
