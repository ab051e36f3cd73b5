# Man pages of section 3 from the public headers, one for each documented function or macro, and one for
# each documented struct of options.
#
#     awk -v out=DIR -v version=0.1.0 -f scripts/manpages.awk include/lifeguard/*.h
#
# What it reads, between LG_BEGIN_DECLS and LG_END_DECLS only:
#
#     /* Lock, waiting until the deadline.  More prose; an empty line parts paragraphs.
#      *
#      *     four spaces: an example, printed as it is
#      * Shape:   a labelled line opens a section; what follows, indented, continues it
#      * Returns: LG_OK; LG_ETIMEDOUT. */
#     #define lg_mutex_lock(mutex, deadline) lg_mutex_lock_at((mutex), (deadline), LG_HERE)
#     LG_API LG_MUST_CHECK int lg_mutex_lock_at(struct lg_mutex *mutex, ...) LG_ACQUIRES(mutex);
#
# All macros and functions that follow a comment with no empty line between share its page; the
# others than the first get a page that only refers to it.  The first sentence is the summary.
#
# Outside of these, a struct whose name ends in _options, and the comment right before it:
#
#     /* What a pool is asked to be.  More prose. */
#     struct lg_pool_options {
#         uint32_t size; /* what is said of a field stands behind it, */
#
#         /* Checks. */
#         uint64_t check_after_ms; /* or, if nothing does, before it: then it is no heading */
#     };
#
# Its initializer, LG_POOL_OPTIONS_INIT, gets a page that refers to it.

BEGIN {
    if (out == "") {
        print "manpages.awk: -v out=DIR is missing" > "/dev/stderr"
        exit 2
    }
    wrap_at = 78
}

FNR == 1 {
    end_entry()
    header = FILENAME
    sub(/.*include\//, "", header)
    in_decls = in_comment = in_code = in_struct = in_field = 0
}

/^LG_BEGIN_DECLS$/ { in_decls = 1; next }
/^LG_END_DECLS$/   { end_entry(); in_decls = 0; next }

in_struct          { add_struct_line($0); next }
!in_decls && in_comment                      { add_comment($0); next }
!in_decls && /^\/\*/                         { forget_entry(); add_comment(substr($0, 3)); next }
!in_decls && /^struct lg_[a-z0-9_]+_options \{$/ && doc_count > 0 { begin_struct($2); next }
!in_decls                                    { forget_entry(); next }

in_comment         { add_comment($0); next }
in_code            { add_code($0); next }
/^\/\*/            { end_entry(); add_comment(substr($0, 3)); next }
/^#define lg_[a-z0-9_]+\(/ || /^#define LG_[A-Z0-9_]+\(/ || /^LG_API / { add_code($0); next }
                   { end_entry() }

END { end_entry() }

# ---- Reading: comment lines into doc[], declarations into names[] and synopses[] -----------------

function add_comment(line) {
    in_comment = 1
    if (line ~ /\*\/[ \t]*$/) {
        in_comment = 0
        sub(/[ \t]*\*\/[ \t]*$/, "", line)
    }
    sub(/^ \*/, "", line)
    sub(/^ /, "", line)
    doc[++doc_count] = line
}

# A macro ends at a line without a backslash, a declaration at its semicolon.
function add_code(line) {
    code = code line "\n"
    if (code ~ /^#/)
        in_code = (line ~ /\\$/)
    else
        in_code = (line !~ /;[ \t]*$/)
    if (!in_code) {
        add_name(code)
        code = ""
    }
}

function add_name(text) {
    if (doc_count == 0)
        return
    if (text ~ /^#/) {
        sub(/\).*/, ")", text)
    } else {
        gsub(/[ \t\n]+/, " ", text)
        gsub(/LG_(API|MUST_CHECK) /, "", text)
        sub(/;.*/, ";", text)
        while (sub(/ ?LG_[A-Z_]+(\([^()]*\))? ?;/, ";", text))
            ;
    }
    synopses[++name_count] = text
    match(text, /(lg|LG)_[A-Za-z0-9_]+\(/)
    names[name_count] = substr(text, RSTART, RLENGTH - 1)
}

# ---- Reading: a struct's lines into fields[] and texts[] -----------------------------------------

function begin_struct(name) {
    in_struct = 1
    struct_name = name
    field_count = 0
    field = remark = ""
}

# A line has a part of a declaration, a part of a comment, or the one and then the other.
function add_struct_line(line,    at) {
    if (line ~ /^};/) {
        in_struct = 0
        end_field()
        write_struct(out "/" struct_name ".3")
        write_alias(out "/" toupper(struct_name) "_INIT.3", struct_name)
        forget_entry()
        return
    }
    sub(/^[ \t]+/, "", line)
    if (!in_remark && line == "") {
        end_field()
        return
    }
    if (!in_remark && (at = index(line, "/*"))) {
        if (at > 1)
            add_field(substr(line, 1, at - 1))
        else
            end_field()
        line = substr(line, at + 2)
        in_remark = 1
    }
    if (in_remark)
        add_remark(line)
    else
        add_field(line)
}

function add_remark(line) {
    in_remark = (line !~ /\*\/$/)
    sub(/[ \t]*\*\/$/, "", line)
    sub(/^\* ?/, "", line)
    sub(/^[ \t]+/, "", line)
    remark = remark (remark == "" ? "" : "\n") line
}

# What was said right before a field is a heading if something is said behind it too.
function add_field(line) {
    if (field ~ /;$/)
        end_field()
    if (field == "" && remark != "") {
        before = remark
        remark = ""
    }
    sub(/[ \t]+$/, "", line)
    field = field (field == "" ? "" : " ") line
}

function end_field() {
    if (field == "")
        return
    field_count++
    fields[field_count] = field
    texts[field_count] = remark == "" ? before : remark
    headings[field_count] = remark == "" ? "" : before
    field = remark = before = ""
}

# ---- Writing -------------------------------------------------------------------------------------

# The comment and its declarations are complete: write their pages, forget them.
function end_entry(    i) {
    if (name_count > 0) {
        write_page(out "/" names[1] ".3")
        for (i = 2; i <= name_count; i++)
            write_alias(out "/" names[i] ".3", names[1])
    }
    forget_entry()
}

function forget_entry() {
    doc_count = name_count = 0
    code = ""
}

function write_head(file, name, all) {
    print ".\\\" Made from the header <" header ">: change that." > file
    print ".TH " name " 3 \"\" \"Lifeguard " version "\" \"Lifeguard\"" > file
    print ".SH NAME" > file
    print all " \\- " escape(summary()) > file
    print ".SH SYNOPSIS" > file
    print ".nf" > file
    print bold("#include <" header ">") > file
}

function write_end(file) {
    print ".SH SEE ALSO" > file
    print "The header" > file
    print bold("<" header ">") "," > file
    print "which has an example and the rules that its calls share." > file
    close(file)
}

function write_struct(file,    i, j, count, lines, init) {
    init = toupper(struct_name) "_INIT"
    write_head(file, struct_name, struct_name ", " init)
    print ".PP\n" bold("struct " struct_name " options = " init ";") > file
    print ".fi" > file
    print ".SH DESCRIPTION" > file
    write_doc(file)
    print ".SH FIELDS" > file
    for (i = 1; i <= field_count; i++) {
        if (headings[i] != "")
            print ".SS " escape(heading(headings[i])) > file
        print ".TP\n" bold(fields[i]) > file
        count = split(texts[i], lines, /\n/)
        for (j = 1; j <= count; j++)
            print prose(lines[j]) > file
    }
    write_end(file)
}

# Of one line, without its full stop.
function heading(text) {
    gsub(/\n/, " ", text)
    sub(/\.$/, "", text)
    return text
}

function write_alias(file, name) {
    print ".so man3/" name ".3" > file
    close(file)
}

function write_page(file,    i, all) {
    for (i = 1; i <= name_count; i++)
        all = all (i > 1 ? ", " : "") names[i]

    write_head(file, names[1], all)
    for (i = 1; i <= name_count; i++)
        print ".PP\n" bold(wrap(synopses[i])) > file
    print ".fi" > file
    print ".SH DESCRIPTION" > file
    write_doc(file)
    write_end(file)
}

# Prose is filled, examples are not, labelled lines become sections.  Empty lines are kept back
# until something follows them in the same section.
function write_doc(file,    i, line, in_example, is_parted, is_sectioned) {
    for (i = 1; i <= doc_count; i++) {
        line = doc[i]
        if (line ~ /^[ \t]*$/) {
            is_parted = 1
        } else if (line ~ /^(Shape|Units|Returns|Errors|Threads|Source):/) {
            if (in_example)
                end_example(file)
            in_example = 0
            print ".SH " toupper(substr(line, 1, index(line, ":") - 1)) > file
            sub(/^[A-Za-z]+:[ \t]*/, "", line)
            is_sectioned = 1
            is_parted = 0
            if (line != "")
                print prose(line) > file
        } else if (!is_sectioned && line ~ /^    /) {
            if (!in_example)
                print ".PP\n.RS 4\n.nf" > file
            else if (is_parted)
                print ".PP" > file
            in_example = 1
            is_parted = 0
            print escape_code(substr(line, 5)) > file
        } else {
            if (in_example)
                end_example(file)
            if (in_example || is_parted)
                print ".PP" > file
            in_example = 0
            is_parted = 0
            sub(/^[ \t]+/, "", line)
            print prose(line) > file
        }
    }
    if (in_example)
        end_example(file)
}

function end_example(file) {
    print ".fi\n.RE" > file
}

# The first sentence, without its full stop, begun with a small letter unless that is a name.
function summary(    i, text) {
    for (i = 1; i <= doc_count && doc[i] !~ /^[ \t]*$/ && doc[i] !~ /^[A-Z][a-z]+:/; i++)
        text = text " " doc[i]
    gsub(/[ \t]+/, " ", text)
    sub(/^ /, "", text)
    text = text " "
    if (index(text, ". "))
        text = substr(text, 1, index(text, ". "))
    sub(/[. ]+$/, "", text)
    if (text ~ /^[A-Z]([a-z]| )/)
        text = tolower(substr(text, 1, 1)) substr(text, 2)
    return text
}

# A prototype over several lines, broken after commas and aligned behind its parenthesis.
function wrap(text,    count, i, indent, line, parts, result) {
    if (length(text) <= wrap_at)
        return text
    indent = sprintf("%" index(text, "(") "s", "")
    count = split(text, parts, /, /)
    line = parts[1]
    for (i = 2; i <= count; i++) {
        if (length(line ", " parts[i]) < wrap_at) {
            line = line ", " parts[i]
        } else {
            result = result line ",\n"
            line = indent parts[i]
        }
    }
    return result line
}

# ---- roff ----------------------------------------------------------------------------------------

function escape(text) {
    gsub(/\\/, "\\e", text)
    sub(/^[.']/, "\\\\\\&&", text)
    return text
}

# In code the ASCII characters that roff would beautify stay what they are.
function escape_code(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/'/, "\\(aq", text)
    gsub(/`/, "\\(ga", text)
    gsub(/\^/, "\\(ha", text)
    gsub(/~/, "\\(ti", text)
    sub(/^\./, "\\\\\\&.", text)
    return text
}

# Every line by itself: a font does not last over the end of a line everywhere.
function bold(text,    count, i, lines, result) {
    count = split(text, lines, /\n/)
    for (i = 1; i <= count; i++)
        result = result (i > 1 ? "\n" : "") "\\fB" escape_code(lines[i]) "\\fR"
    return result
}

function prose(line) {
    line = escape(line)
    gsub(/(lg|LG)_[A-Za-z0-9_]+/, "\\fB&\\fR", line)
    return line
}
