#!/bin/sh
# The first minute: three runs of the real program, at most 20 seconds and 40 lines.
#
#   LIFEGUARD  the program; default build/lifeguard
#
# Each act must end as the text above it says, or the demo fails.
set -eu

program=${LIFEGUARD:-build/lifeguard}

# A sentence, the command as people would type it, what it prints, and whether it ended well.
act()
{
    printf '%s\n   $ lifeguard %s\n' "$1" "$3"
    expected=$2
    # shellcheck disable=SC2086 # the command is split into words
    set -- $3
    status=0
    "$program" "$@" || status=$?
    if [ "$status" -ne "$expected" ]; then
        echo "demo: exit status $status, $expected was expected" >&2
        exit 1
    fi
}

act '1  Eight threads share four connections and move money: none is lost.' 0 \
    'bank --seconds 5'
echo
act '2  The same without locks: read, compute, write, until money is lost.' 1 \
    'bank --unsafe --seconds 5'
echo
act '3  Nested checkouts drain the pool: nothing hangs, each deadlock is named when it closes.' 0 \
    'bank --nested --seconds 3'
cat << 'END'

To try next:
  build/lifeguard bank --db sqlite:bank.db --threads 100 --transfers 100000
  build/lifeguard bank --lock mutex --seconds 2 --json
  build/lifeguard help bank
END
