# Complain about every include that climbs a floor.  Called by house.sh as
#
#     awk -f includes.awk floors.txt FILE...      with paths relative to the source root

FNR == 1 { path = FILENAME }

# ---- The table -----------------------------------------------------------------------------------

NR == FNR && $1 == "floor" {
    floor[$2] = $3
    is_side[$2] = ($4 == "side")
}
NR == FNR && $1 == "client" {
    clients[$2] = ""
    for (i = 3; i <= NF; i++)
        clients[$2] = clients[$2] " " $i
}
NR == FNR { next }

# ---- The files -----------------------------------------------------------------------------------

FNR == 1 {
    folder = folder_of(path)
    if (folder == "")
        print path ": its folder has no line in floors.txt"
}

folder != "" && /^[ \t]*#[ \t]*include[ \t]*["<]/ {
    target = $0
    sub(/^[^"<]*/, "", target)
    is_public_form = (target ~ /^</)
    sub(/^["<]/, "", target)
    sub(/[">].*/, "", target)
    reason = is_public_form ? judge_angle(target) : judge_quoted(target)
    if (reason != "")
        print path ":" FNR ": " target ": " reason
}

# The folder of the table that a file is in; "" if there is none.
function folder_of(file) {
    while (sub(/\/[^\/]*$/, "", file))
        if (file in floor)
            return file
    return ""
}

function exists(file,    line, status) {
    status = (getline line < file)
    close(file)
    return status >= 0
}

function judge_angle(target,    first, i, count, places) {
    if (target ~ /(^|\/)\.\.?\//)
        return "a relative path"
    if (target ~ /^lifeguard\//)
        return exists("include/" target) ? "" : "there is no such public header"
    if (target in clients) {
        count = split(clients[target], places)
        for (i = 1; i <= count; i++)
            if (index(path, places[i]) == 1)
                return ""
        return "this client library is for" clients[target] " only"
    }
    first = target
    sub(/\/.*/, "", first)
    if (first != target && ("src/" first) in floor)
        return "angle brackets are for public headers"
    return ""
}

function judge_quoted(target,    first, owner) {
    if (target ~ /(^|\/)\.\.?\//)
        return "a relative path"
    if (target ~ /^lifeguard\//)
        return "public headers are written <" target ">"
    if (path ~ /^include\//)
        return "public headers include <lifeguard/...> only"
    if (path !~ /^src\//)
        return exists(folder "/" target) ? "" : "only public headers and those of " folder

    first = target
    sub(/\/.*/, "", first)
    owner = "src/" first
    if (first == target || !(owner in floor))
        return "internal headers are written \"folder/name.h\""
    if (owner == folder)
        return ""
    if (floor[folder] == "public")
        return folder " includes public headers and its own only"
    if (is_side[owner] || floor[owner] == "public")
        return "nobody includes " owner
    if (floor[owner] + 0 >= floor[folder] + 0)
        return "floor " floor[folder] " includes floor " floor[owner]
    return ""
}
