#!/bin/sh
# Fetch the two pools for node from the npm registry into the folder given, once.  Without npm or the
# registry it says so and the benches skip them.
#
#     bench/peers/fetch-node.sh build/bench/peers
set -eu

folder=$1
packages='generic-pool@3.9.0 tarn@3.1.2'

command -v npm > /dev/null || {
    echo "bench: no npm: the pools for node are skipped"
    exit 0
}
[ ! -d "$folder/node_modules/tarn" ] || [ ! -d "$folder/node_modules/generic-pool" ] || exit 0
mkdir -p "$folder"
# shellcheck disable=SC2086 # a list
npm install --prefix "$folder" --no-save --no-audit --no-fund --ignore-scripts --silent \
    --fetch-retries=1 --fetch-timeout=20000 $packages ||
    echo "bench: the npm registry does not answer: the pools for node are skipped"
