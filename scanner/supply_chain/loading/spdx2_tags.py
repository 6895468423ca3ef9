"""The tags of SPDX 2 tag-value documents: the section each belongs to, and the member of the JSON form it says.

Source: SPDX 2.3 clauses 6 to 13, and the tags that 2.0 to 2.2 had besides.
"""

from __future__ import annotations

__all__ = ["COMMENTS", "LIST_TAGS", "STARTS", "TAGS"]

STARTS = {
    "PackageName": "package",
    "FileName": "file",
    "SnippetSPDXID": "snippet",
    "LicenseID": "license",
    "Annotator": "annotation",
    "Reviewer": "review",
}
"""Tags that begin an element."""

COMMENTS = frozenset({"CreatorComment", "ExternalRefComment", "RelationshipComment"})
"""Tags on a single statement, which the model does not keep."""

_SECTIONS = {
    "document": """
        SPDXVersion spdxVersion, DataLicense dataLicense, DocumentName name, DocumentNamespace documentNamespace,
        DocumentComment comment, ExternalDocumentRef externalDocumentRefs, LicenseListVersion licenseListVersion,
        Creator creators, Created created""",
    "package": """
        PackageName name, PackageVersion versionInfo, PackageFileName packageFileName, PackageSupplier supplier,
        PackageOriginator originator, PackageDownloadLocation downloadLocation, FilesAnalyzed filesAnalyzed,
        PackageVerificationCode packageVerificationCode, PackageChecksum checksums, PackageHomePage homepage,
        PackageSourceInfo sourceInfo, PackageLicenseConcluded licenseConcluded, PackageLicenseDeclared licenseDeclared,
        PackageLicenseInfoFromFiles licenseInfoFromFiles, PackageLicenseComments licenseComments,
        PackageCopyrightText copyrightText, PackageSummary summary, PackageDescription description,
        PackageComment comment, PackageAttributionText attributionTexts, ExternalRef externalRefs,
        PrimaryPackagePurpose primaryPackagePurpose, BuiltDate builtDate,
        ReleaseDate releaseDate, ValidUntilDate validUntilDate""",
    "file": """
        FileName fileName, FileType fileTypes, FileChecksum checksums, LicenseConcluded licenseConcluded,
        LicenseInfoInFile licenseInfoInFiles, LicenseComments licenseComments, FileCopyrightText copyrightText,
        FileComment comment, FileNotice noticeText, FileContributor fileContributors, FileDependency fileDependencies,
        FileAttributionText attributionTexts, ArtifactOfProjectName artifactOfs, ArtifactOfProjectHomePage artifactOfs,
        ArtifactOfProjectURI artifactOfs""",
    "snippet": """
        SnippetSPDXID SPDXID, SnippetFromFileSPDXID snippetFromFile, SnippetByteRange ranges, SnippetLineRange ranges,
        SnippetLicenseConcluded licenseConcluded, LicenseInfoInSnippet licenseInfoInSnippets,
        SnippetLicenseComments licenseComments, SnippetCopyrightText copyrightText, SnippetComment comment,
        SnippetName name, SnippetAttributionText attributionTexts""",
    "license": """
        LicenseID licenseId, ExtractedText extractedText, LicenseName name, LicenseCrossReference seeAlsos,
        LicenseComment comment""",
    "annotation": """
        Annotator annotator, AnnotationDate annotationDate, AnnotationType annotationType, SPDXREF spdxref,
        AnnotationComment comment""",
    "review": "Reviewer reviewer, ReviewDate reviewDate, ReviewComment comment",
}

TAGS = {
    tag: (section, member)
    for section, pairs in _SECTIONS.items()
    for tag, member in (pair.split() for pair in pairs.split(","))
}
"""Tag to section and member."""

LIST_TAGS = frozenset(
    {"ExternalDocumentRef", "Creator", "PackageChecksum", "PackageLicenseInfoFromFiles", "PackageAttributionText"}
    | {"ExternalRef", "FileType", "FileChecksum", "LicenseInfoInFile", "FileContributor"}
    | {"FileDependency", "FileAttributionText", "ArtifactOfProjectName", "ArtifactOfProjectHomePage"}
    | {"ArtifactOfProjectURI", "SnippetByteRange", "SnippetLineRange", "LicenseInfoInSnippet"}
    | {"SnippetAttributionText", "LicenseCrossReference"}
)
"""Tags that may stand several times for one element."""
