#!/bin/sh
# The runner of scenarios and what it must refuse: files that are cut off, of the wrong types, with
# keys that nobody knows, or hostile; and wrong uses.  Each failure is one line that says what is wrong.
#
#   CMAP  the program
program=${CMAP:?CMAP must name the program}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/program.sh"

# refuses WORDS: what is on standard input, as a file, fails with these words and on one line.
refuses() {
    cat > "$folder/bad.json"
    check 1 "$folder/bad.json"
    [ ! -s "$err" ] || fail "something on standard error"
    [ "$(wc -l < "$out")" -eq 2 ] || fail "not one line for the file and one for the sum"
    grep -qF -- "$1" "$out" || fail "\"$1\" is not said"
    [ "$(tail -n 1 "$out")" = "0 passed, 1 failed" ] || fail "the sum is wrong"
}

# scenario MEMBERS: a scenario with these instead of its operations.
scenario() {
    printf '{"version": 1, "style": "unit", "description": "bad", %s}' "$1"
}

# Cut off after each byte: none of them is run.
cut=$folder/cut
mkdir "$cut"
whole=$here/scenarios/new-pool-is-reported.json
length=$(($(wc -c < "$whole") - 2)) # without the last } and the end of its line
at=0
while [ "$at" -le "$length" ]; do
    head -c "$at" "$whole" > "$cut/$at.json"
    at=$((at + 1))
done
check 1 "$cut"
[ "$(grep -c '^FAILED  [0-9]*\.json: line ' "$out")" -eq "$at" ] || fail "not each says where"
[ "$(tail -n 1 "$out")" = "0 passed, $at failed" ] || fail "the sum is wrong"

# Not JSON, or not of this format.
refuses 'line 1' < /dev/null
head -c 100000 /dev/zero | tr '\0' '[' | refuses 'line 1'
printf '\377\376{"version": 1}' | refuses 'line 1'
printf '{"version": 1, "version": 1}' | refuses 'duplicate'
printf '"\\u0000"' | refuses 'line 1'
printf '[]' | refuses 'the file: is no object'
printf '42' | refuses 'line 1'
printf '{}' | refuses 'has no "version"'
head -c 2000000 /dev/zero | tr '\0' ' ' | refuses 'is over'
printf '{"version": 2}' | refuses '"version" is 2'
printf '{"version": "1"}' | refuses '"version" is no integer'
printf '{"version": 1, "style": "unified", "description": "", "operations": []}' |
    refuses '"unified" is unknown'
printf '{"version": 1, "style": "unit", "description": 5, "operations": []}' |
    refuses '"description" is no string'

# Keys and types, at each level.
scenario '"operations": [], "skipReason": "none"' | refuses 'the file: unknown key "skipReason"'
scenario '"operations": {}' | refuses '"operations" is no array'
scenario '"operations": [5]' | refuses 'operations[0]: is no object'
scenario '"operations": [{}]' | refuses 'operations[0]: has no "name"'
scenario '"operations": [{"name": "insertOne"}]' | refuses '"insertOne" is unknown'
scenario '"operations": [{"name": "ready", "ms": 5}]' | refuses '(ready): unknown key "ms"'
scenario '"operations": [{"name": "wait"}]' | refuses 'operations[0] (wait): has no "ms"'
scenario '"operations": [{"name": "wait", "ms": -1}]' | refuses '"ms" is -1'
scenario '"operations": [{"name": "wait", "ms": 1.5}]' | refuses '"ms" is no integer'
scenario '"operations": [{"name": "wait", "ms": 99999999999999999999}]' | refuses 'line 1'
scenario '"operations": [{"name": "checkIn"}]' | refuses 'has no "connection"'
scenario '"operations": [{"name": "checkIn", "connection": 1}]' | refuses '"connection" is no string'
scenario '"operations": [{"name": "clear", "interruptInUseConnections": 1}]' |
    refuses 'neither true nor false'
scenario '"operations": [{"name": "waitForEvent", "event": "ConnectionReady"}]' |
    refuses 'has no "count"'
scenario '"operations": [{"name": "waitForEvent", "event": "PoolReady", "count": 1}]' |
    refuses '"PoolReady" is unknown'
scenario '"operations": [{"name": "start", "target": "a", "thread": "b"}]' |
    refuses 'for the main thread only'
scenario '"operations": [], "poolOptions": []' | refuses '"poolOptions" is no object'
scenario '"operations": [], "poolOptions": {"waitQueueSize": 1}' |
    refuses 'poolOptions: unknown key "waitQueueSize"'
scenario '"operations": [], "poolOptions": {"maxPoolSize": 1000000000}' | refuses '"maxPoolSize" is'
scenario '"operations": [], "poolOptions": {"maxPoolSize": 2, "minPoolSize": 3}' |
    refuses '"minPoolSize" is 3'
scenario '"operations": [], "poolOptions": {"backgroundThreadIntervalMS": 0}' | refuses 'must not be 0'
scenario '"operations": [], "poolOptions": {"maxConnecting": true}' |
    refuses '"maxConnecting" is no integer'
scenario '"operations": [], "failPoint": {"configureFailPoint": "failCommand"}' |
    refuses 'failPoint: has no "mode"'
scenario '"operations": [], "failPoint": {"configureFailPoint": "other", "mode": "off"}' |
    refuses '"other" is unknown'
scenario '"operations": [], "failPoint": {"configureFailPoint": "failCommand", "mode": {"skip": 1}}' |
    refuses 'failPoint.mode: unknown key "skip"'
scenario '"operations": [], "failPoint": {"configureFailPoint": "failCommand", "mode": "alwaysOn"}' |
    refuses 'failPoint.data: is no object'
scenario '"operations": [], "failPoint": {"configureFailPoint": "failCommand", "mode": "alwaysOn",
    "data": {"failCommands": ["find"]}}' | refuses '"find" is unknown'
scenario '"operations": [], "failPoint": {"configureFailPoint": "failCommand", "mode": "alwaysOn",
    "data": {"failCommands": ["hello"], "appName": "other"}}' | refuses 'is not that of the poolOptions'
scenario '"operations": [], "error": "PoolClosedError"' | refuses '"error" is no object'
scenario '"operations": [], "error": {"code": 1}' | refuses 'error: unknown key "code"'
scenario '"operations": [], "events": {}' | refuses '"events" is no array'
scenario '"operations": [], "events": [{"type": "ConnectionReady", "pool": 1}]' |
    refuses 'events[0]: unknown key "pool"'
scenario '"operations": [], "events": [{"address": 42}]' | refuses 'events[0]: has no "type"'
scenario '"operations": [], "ignore": ["ConnectionLost"]' | refuses '"ConnectionLost" is unknown'
scenario '"operations": [], "ignore": [1]' | refuses 'ignore[0]: is no string'

# Well-formed, and wrong when it is run.
scenario '"operations": [{"name": "checkIn", "connection": "a\u001b[2J"}]' | refuses 'labelled "a?[2J"'
scenario '"operations": [{"name": "wait", "ms": 1, "thread": "nobody"}]' | refuses '"nobody" does not run'
scenario '"operations": [{"name": "waitForThread", "target": "nobody"}]' | refuses 'does not run'
scenario '"operations": [{"name": "start", "target": "a"}, {"name": "start", "target": "a"}]' |
    refuses 'was started before'
scenario '"operations": [{"name": "start", "target": "a"}, {"name": "waitForThread", "target": "a"},
    {"name": "ready", "thread": "a"}]' | refuses 'does not run'
scenario '"operations": [{"name": "start", "target": "a"},
    {"name": "checkIn", "connection": "none", "thread": "a"},
    {"name": "waitForThread", "target": "a"}]' | refuses 'labelled "none"'
scenario '"operations": [{"name": "waitForEvent", "event": "ConnectionReady", "count": 1,
    "timeout": 1}]' | refuses '0 of 1 ConnectionReady'
scenario '"operations": [{"name": "checkOut"}]' | refuses 'not expected: PoolClearedError'
scenario '"operations": [], "error": {"type": 42}' | refuses 'there was none'
scenario '"operations": [{"name": "checkOut"}], "error": {"type": "PoolClosedError"}' |
    refuses 'the error.type is "PoolClearedError", not "PoolClosedError"'
scenario '"operations": [{"name": "ready"}, {"name": "checkOut"}],
    "events": [{"type": "ConnectionCheckedOut"}],
    "ignore": ["ConnectionPoolCreated", "ConnectionPoolReady"]' |
    refuses 'events[0].type is "ConnectionCheckOutStarted", not "ConnectionCheckedOut"'
scenario '"operations": [], "events": [{"type": "ConnectionPoolCreated", "reason": 42}]' |
    refuses 'events[0].reason is not there'
scenario '"operations": [], "events": [{"type": "ConnectionPoolCreated"}, {"type": 42}]' |
    refuses '"type" is no string'
scenario '"operations": [], "events": [{"type": "ConnectionPoolCreated"},
    {"type": "ConnectionPoolClosed"}]' | refuses 'events[1] is not there'
scenario '"operations": [{"name": "ready"}, {"name": "checkOut"}, {"name": "waitForEvent",
    "event": "ConnectionCheckedOut", "count": 1}], "ignore": ["ConnectionPoolCreated",
    "ConnectionPoolReady", "ConnectionCheckOutStarted", "ConnectionCreated", "ConnectionReady"],
    "events": [{"type": "ConnectionCheckedOut", "connectionId": 2}]' |
    refuses 'events[0].connectionId is 1, not 2'

# Wrong uses, and files that are none.
check 0 --help
grep -q '^usage' "$out" || fail "no usage"
for arguments in '' '--quiet' "$folder $folder" "$folder/missing"; do
    # shellcheck disable=SC2086 # a list
    check 2 $arguments
    [ -s "$err" ] || fail "cmap $arguments: says nothing"
done
mkdir "$folder/empty"
check 2 "$folder/empty"
mkdir "$folder/odd"
mkfifo "$folder/odd/a.json"
mkdir "$folder/odd/b.json"
ln -s missing "$folder/odd/c.json"
check 1 "$folder/odd"
[ "$(tail -n 1 "$out")" = "0 passed, 3 failed" ] || fail "not three failures"
if [ "$(id -u)" -ne 0 ]; then
    cp "$whole" "$folder/secret.json"
    chmod 0 "$folder/secret.json"
    check 1 "$folder/secret.json"
fi
check 0 --verbose "$whole"
grep -q '"ConnectionPoolCreated"' "$out" || fail "--verbose: no events"

finish
