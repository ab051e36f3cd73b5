#!/bin/sh
# lifeguard bank from outside: every exit status, every wrong use and bad file, and the numbers.
#
#   LIFEGUARD  the program
program=${LIFEGUARD:?LIFEGUARD must name the program}
. "$(dirname "$0")/../support/program.sh"

# Where the program makes its temporary databases; it must leave nothing there.
TMPDIR=$folder/tmp
export TMPDIR
mkdir "$TMPDIR"

# refuses STATUS TEXT ARGUMENTS...: one line on standard error, with this text, and nothing else.
refuses() {
    text=$2
    status_wanted=$1
    shift 2
    check "$status_wanted" "$@"
    says "$text" "$err"
    [ "$(wc -l < "$err")" -eq 1 ] || fail "lifeguard $*: not one line of error"
    [ -s "$out" ] && fail "lifeguard $*: printed something"
}

# is_json FILE: one object with exactly the promised keys, and nothing else.
is_json() {
    keys='^[{]"db": "([^"\\]|\\.)*", "threads": N, "pool": N, "transfers": N, "money_before": N, '
    keys=$keys'"money_after": N, "ledger_ok": (true|false), "seconds": N, '
    keys=$keys'"transfers_per_second": N, "wait_us": [{]"p50": N, "p99": N, "max": N[}], '
    times='[{]"count": N, "p50": N, "p90": N, "p99": N, "p999": N, "max": N[}]'
    keys=$keys'"deadlocks": N, "opened": N, "lent": N, "returned": N, '
    keys=$keys"\"queued_us\": $times, \"held_us\": $times, \"open_us\": $times, "
    keys=$keys'"pool_minimum": N[}]$'
    keys=$(printf '%s' "$keys" | sed 's/N/-?[0-9]+([.][0-9]+)?/g')
    [ "$(wc -l < "$1")" -eq 1 ] || fail "not one line of JSON"
    grep -Eq -- "$keys" "$1" || fail "not the promised JSON"
}

# value KEY: of the JSON in $out.
value() {
    sed -n "s/.*\"$1\": \([^,}]*\).*/\1/p" "$out"
}

same() {
    [ "$2" = "$3" ] || fail "$1: $2, not $3"
}

# ---- The program ----

check 0 --version
says "lifeguard " "$out"
check 0 --help
says "bank" "$out"
check 0 help bank
says "exit status" "$out"
check 0 bank --help
says "exit status" "$out"
check 0 explore --help
says "exit code" "$out"
check 0 cc --help
says "usage: lifeguard cc" "$out"
check 0 bank --threads 2 --help
says "exit status" "$out"
check 0 bank -h
says "exit status" "$out"
check 0 help help
says "lifeguard help VERB" "$out"
refuses 2 "unknown verb" banc
refuses 2 "unknown verb '';" ''
refuses 2 'unknown verb ?[31m?;' "$(printf '\033[31m\377')"
refuses 2 "unknown verb" help banc
check 2
says "usage:" "$err"

# ---- Wrong use ----

refuses 2 "unknown option --fast" bank --fast
refuses 2 "unknown option -x" bank -x
refuses 2 "unknown option -xy" bank --quiet -xy
refuses 2 "unexpected argument now" bank now
refuses 2 "--threads needs a value" bank --threads
refuses 2 "from 1 to 1,000" bank --pool 0
refuses 2 "from 1 to 1,000" bank --pool 1001
refuses 2 "from 1 to 1,000" bank --pool -1
refuses 2 "from 1 to 1,000" bank --threads 0
refuses 2 "from 1 to 1,000" bank --threads 8x
refuses 2 "--threads '': must be a whole number from 1 to 1,000" bank --threads ''
refuses 2 "unexpected argument ''" bank ''
refuses 2 "from 1 to 1,000,000,000" bank --transfers 0
refuses 2 "from 1 to 1,000,000,000" bank --transfers 99999999999999999999
refuses 2 "from 0.1 to 86,400" bank --seconds 0
refuses 2 "from 0.1 to 86,400" bank --seconds nan
refuses 2 "from 2 to 1,000,000" bank --accounts 1
refuses 2 "whole number from 0 to 2^64 - 1" bank --seed -7
refuses 2 "whole number" bank --seed 18446744073709551616
refuses 2 "none, mutex or row" bank --lock table
refuses 2 "sqlite:FILE" bank --db bank.db
refuses 2 "sqlite:FILE" bank --db postgres:bank
refuses 2 "name a file" bank --db sqlite:
refuses 2 "name a file" bank --db sqlite::memory:
refuses 2 "exclude each other" bank --transfers 5 --seconds 5
refuses 2 "--pool 2 or more" bank --nested --pool 1

# ---- Runs ----

for options in "" "--lock mutex" "--lock mutex --nested" "--nested" "--nested --pool 2" \
    "--pool 1" "--threads 1" "--threads 1 --unsafe" "--accounts 2 --seed 18446744073709551615"; do
    # shellcheck disable=SC2086 # options are words
    check 0 bank --transfers 200 --json $options
    is_json "$out"
    [ -s "$err" ] && fail "bank $options: said something on standard error"
    same "transfers of $options" "$(value transfers)" 200
    same "money of $options" "$(value money_after)" "$(value money_before)"
    same "ledger of $options" "$(value ledger_ok)" true
    same "returned of $options" "$(value returned)" "$(value lent)"
done

check 0 bank --seconds 0.3 --quiet
says "all there" "$out"
says "every account agrees" "$out"

# On a terminal there are colours and a progress line; NO_COLOR and --quiet take one of them, TERM=dumb both.
escape=$(printf '\033[')
# on_terminal ENVIRONMENT ARGUMENTS...: what a terminal gets of both streams.
on_terminal() {
    setting=$1
    shift
    env TERM=xterm "$setting" script -qec "$program bank --seconds 0.3 $*" /dev/null < /dev/null > "$out" 2> "$err"
}
if command -v script > /dev/null; then
    on_terminal A=b
    says "${escape}2mtransfers" "$out"
    says "${escape}K" "$out"
    on_terminal NO_COLOR=1 --quiet
    grep -qF "$escape" "$out" && fail "an escape with NO_COLOR and --quiet"
    on_terminal TERM=dumb
    grep -qF "$escape" "$out" && fail "an escape on a dumb terminal"
    says "all there" "$out"
fi

# The drained pool: each deadlock is found, its victim retries, the first report is printed.
check 0 bank --nested --threads 8 --pool 2 --transfers 2000
says 'deadlock on pool "db" (2 of 2 out), closed by worker-' "$out"
says "bank_move.c:" "$out"
says "got LG_EDEADLK" "$out"
says "a pool of 9: 8 declared threads nest checkouts up to 2 deep" "$out"
says "all there" "$out"

# Without locks money is lost, and the values prove how.  A lost update loses what was added or what was
# taken away, as chance has it: now and then the sum never falls below what it was.
check 1 bank --unsafe --seconds 20
grep -Eq -- "^ *money .* (lost|from nowhere)$" "$out" || fail "the money is all there: $(cat "$out")"
how='^ *how *T([0-9]+) read account ([0-9]+) = ([0-9]+), T([0-9]+) read account \2 = \3, '
how=$how'(T\1 wrote [0-9]+, T\4 wrote [0-9]+|T\4 wrote [0-9]+, T\1 wrote [0-9]+)$'
grep -Eq -- "$how" "$out" || fail "the interleaving proves nothing"

# ---- A database that stays ----

db=$folder/bank.db
check 0 bank --db "sqlite:$db" --transfers 50 --accounts 10 --json
same "db" "$(value db)" "\"sqlite:$db\""
check 0 bank --db "sqlite:$db" --transfers 70
says "120 rows" "$out"
says "10 accounts" "$out"
refuses 2 "has 10" bank --db "sqlite:$db" --transfers 1 --accounts 11

# Two processes at once.
"$program" bank --db "sqlite:$db" --transfers 300 > "$folder/other" 2>&1 &
other=$!
check 0 bank --db "sqlite:$db" --transfers 300
wait "$other" || fail "the other of two processes: $(cat "$folder/other")"

# An interrupted run prints its result; the database is there before the run begins.
for signal in INT TERM HUP; do
    env --default-signal=HUP "$program" bank --db "sqlite:$folder/$signal.db" --seconds 60 > "$out" 2> "$err" &
    run=$!
    while [ ! -e "$folder/$signal.db-wal" ] && kill -0 "$run"; do
        sleep 0.01
    done
    kill -"$signal" "$run"
    wait "$run"
    same "status after SIG$signal" $? 0
    says "all there" "$out"
done

# One that is killed leaves books that agree.
"$program" bank --db "sqlite:$folder/KILL.db" --seconds 60 > "$out" 2> "$err" &
run=$!
while [ ! -s "$folder/KILL.db-wal" ] && kill -0 "$run"; do
    sleep 0.01
done
kill -KILL "$run"
wait "$run" 2> "$err"
check 0 bank --db "sqlite:$folder/KILL.db" --transfers 100
says "every account agrees" "$out"

# What a run without locks has done to the books is not blamed on the next one.
check 1 bank --db "sqlite:$folder/lossy.db" --unsafe --seconds 20
refuses 1 "were wrong before" bank --db "sqlite:$folder/lossy.db" --transfers 1

# ---- Bad files ----

refuses 3 "folder does not exist" bank --db "sqlite:$folder/none/bank.db"
refuses 3 "is a folder" bank --db "sqlite:$folder"
echo "Dear aunt, this is a letter and not a database." > "$folder/letter"
cp "$folder/letter" "$folder/letter.copy"
refuses 3 "not an SQLite database" bank --db "sqlite:$folder/letter"
cmp -s "$folder/letter" "$folder/letter.copy" || fail "the letter was changed"

# Somebody else's database: here, a bank's with another application id (bytes 68 to 71).
cp "$db" "$folder/foreign.db"
printf 'ABCD' | dd of="$folder/foreign.db" bs=1 seek=68 conv=notrunc 2> "$err"
cp "$folder/foreign.db" "$folder/foreign.copy"
refuses 2 "other data" bank --db "sqlite:$folder/foreign.db"
cmp -s "$folder/foreign.db" "$folder/foreign.copy" || fail "the foreign database was changed"
[ -e "$folder/foreign.db-wal" ] && fail "the foreign database has a log now"

# ---- Permissions: as nobody when root, whom they do not hold back ----

chmod 755 "$folder"
mkdir "$folder/closed"
: > "$folder/closed/old.db"
: > "$folder/unreadable.db"
chmod 666 "$folder/closed/old.db"
chmod 555 "$folder/closed"
chmod 000 "$folder/unreadable.db"
real_program=$program
if [ "$(id -u)" -eq 0 ]; then
    cp "$real_program" "$folder/lifeguard"
    program=$folder/as-nobody
    printf '#!/bin/sh\nexec setpriv --reuid 65534 --regid 65534 --clear-groups %s "$@"\n' \
        "$folder/lifeguard" > "$program"
    chmod 755 "$program"
fi
refuses 3 "cannot be created: Permission denied" bank --db "sqlite:$folder/closed/new.db"
refuses 3 "must be writable" bank --db "sqlite:$folder/closed/old.db"
refuses 3 "must be readable" bank --db "sqlite:$folder/unreadable.db"
same "files in the closed folder" "$(ls "$folder/closed")" old.db
program=$real_program

# ---- No space ----

# A limit on the size of files, for what cannot even begin and for what runs into it.
limited() {
    blocks=$1
    shift
    (ulimit -f "$blocks" && exec "$program" "$@") > "$out" 2> "$err"
    same "status of lifeguard $* with $blocks blocks" $? 3
    says "no space left" "$err"
    [ "$(wc -l < "$err")" -eq 1 ] || fail "limit of $blocks blocks: not one line of error"
}
limited 16 bank --db "sqlite:$folder/limited.db"
[ -e "$folder/limited.db" ] && fail "a database that could not be created is there"
limited 16 bank
limited 400 bank --db "sqlite:$folder/limited.db" --accounts 100000
[ -e "$folder/limited.db" ] && fail "a database that could not be filled is there"
limited 400 bank --db "sqlite:$folder/limited.db"
says "all there" "$out"
check 0 bank --db "sqlite:$folder/limited.db" --transfers 10

# A full disk, where a test may mount one.
mkdir "$folder/disk"
if unshare -m true 2> "$err"; then
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare -m sh -c '
        mount -t tmpfs -o size=200k none "$1" 2> /dev/null || exit 77
        "$2" bank --db "sqlite:$1/bank.db" --threads 2
        status=$?
        rm -f "$1"/bank.db*
        head -c 1000000 /dev/zero > "$1/ballast" 2> /dev/null
        "$2" bank --db "sqlite:$1/bank.db" || status=$status$?
        [ "$(ls "$1")" = ballast ] || status=left-over
        exec echo "$status"' sh "$folder/disk" "$program" > "$out" 2> "$err"
    if [ $? -ne 77 ]; then
        same "statuses on a full disk" "$(tail -n 1 "$out")" 33
        same "lines of error on a full disk" "$(grep -c "no space left" "$err")" 2
    fi
fi

# A result that cannot be written is a failure.
if [ -w /dev/full ]; then
    for arguments in "bank --transfers 10" --version help "help bank" "bank --help"; do
        # shellcheck disable=SC2086 # arguments are words
        "$program" $arguments > /dev/full 2> "$err"
        same "status of lifeguard $arguments with a full output" $? 3
    done
fi
"$program" bank --transfers 10 >&- 2> "$err"
same "status with a closed output" $? 3

same "left in the temporary folder" "$(ls "$TMPDIR")" ""
finish
