"""OpenSCAP and Assay side by side on the same root trees, offline.

    python -m bench.oscap --work /tmp/bench-oscap [--oscap PATH] [--content DATASTREAM] [--trees NAME…] [--json FILE]

Needs root, and gawk, rpm, rpmbuild (rpm), debootstrap, secilc, openscap-scanner and, for the default content (RHEL 9),
ssg-nondebian of Debian. A newer oscap and a data stream for RHEL 10 are given by path; a RHEL 10 one is what the rules
here were written for, so with the older content a few rules have no counterpart (`reasons.yaml` says which).

Four trees are built below --work (treefile.py, tree.py, trees/): the plain system of `tests/conformance/lab` with some
16,300 entries from a debootstrap, as installed (default) and after a hardening for the STIG (hardened), each also with
its absolute links made relative: oscap 1.3 and 1.4 follow an absolute link of the tree on the machine they run on, and
that alone decides some thirty rules.

Each tree is judged by `oscap xccdf eval` with the STIG profile, by `assay scan` with the STIG profile for the verdicts
(our rules carry the public ids as aliases), and by `assay scan` with every framework at once for the cost. Printed: how
the verdicts agree, which rules each could judge, where we differ, wall time, CPU and peak memory. On
two cores of a server (2026) the STIG profile takes oscap 1.3.7 9.7 to 10.9 s of CPU and 450 MiB, all frameworks take
Assay 0.44 to 0.50 s and 63 MiB: 20 to 24 times less CPU (19 in one run on a busy machine), and 24 to 29 times less with
the STIG profile alone.

The end is 1 when `reasons.yaml` does not say why we pass a rule that oscap fails, or call such a one not applicable,
or do not judge one that oscap judges; 0 otherwise. Nothing of it runs in `make test`.
"""
