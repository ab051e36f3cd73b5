#!/bin/sh
# What is guarded by a lock is refused without it: the programs of run.sh under clang's thread-safety analysis,
# which gcc does not have.  Without a clang this is skipped (77), and the summary of the tests says so.
#
#     SOURCE_DIR=. CLANG=clang tests/compile/guarded.sh
set -u

here=$(cd "$(dirname "$0")" && pwd)
if ! command -v "${CLANG:-clang}" > /dev/null; then
    echo "skipped: no clang, so the thread-safety annotations are not tried"
    exit 77
fi
exec "$here/run.sh" clang
