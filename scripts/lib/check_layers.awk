# Reads sources of src/ and prints the includes that the tables of scripts/check_layers refuse; exits with 1 if any.

# Fills table[name, folder] from lines "name: folder folder…"; rows[name] says that there is such a line.
function read_table(text, table, rows,    lines, count, i, fields, width, j, name) {
  count = split(text, lines, "\n")
  for (i = 1; i <= count; ++i) {
    width = split(lines[i], fields, " ")
    if (width == 0) continue
    name = fields[1]
    sub(/:$/, "", name)
    rows[name]
    for (j = 2; j <= width; ++j) table[name, fields[j]]
  }
}

function refuse(reason) {
  printf "%s:%d: %s\n", FILENAME, FNR, reason
  refused = 1
}

function check_own(header, folder,    other) {
  other = header
  if (!sub(/\/.*/, "", other) || !(other in is_layer)) {
    refuse("\"" header "\" is no header of ours: name it as \"folder/file.h\", and a library's in <>")
  } else if (other != folder && !((folder, other) in layer)) {
    refuse("src/" folder " may not use src/" other " (\"" header "\")")
  }
}

function check_library(header, folder,    name) {
  name = header
  sub(/\/.*/, "/", name)
  if (name in is_system || name ~ /^[a-z0-9_]+$/) return  # <vector> and its like have neither dot nor folder
  if (!(name in is_library)) {
    refuse("<" header "> belongs to a library that scripts/check_layers does not know")
  } else if (!((name, folder) in library) && !((name, "*") in library)) {
    refuse("src/" folder " may not use <" header ">")
  } else if (FILENAME ~ /\.h$/ && !((name, folder) in is_shown)) {
    refuse("<" header "> may not appear in a header of ours")
  }
}

BEGIN {
  read_table(layers, layer, is_layer)
  read_table(libraries, library, is_library)
  read_table(shown, is_shown, ignored)
  count = split(system_headers, names, " ")
  for (i = 1; i <= count; ++i) is_system[names[i]]
}

FNR == 1 {
  split(FILENAME, path, "/")
  if (!(path[2] in is_layer)) refuse("src/" path[2] " is a folder that scripts/check_layers does not know")
}

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
  header = $0
  sub(/^[^"<]*["<]/, "", header)
  sub(/[">].*$/, "", header)
  if ($0 ~ /^[^"<]*"/) check_own(header, path[2])
  else check_library(header, path[2])
}

# A macro instead of a name would pass unseen.
/^[ \t]*#[ \t]*include[ \t]*[^ \t"<]/ { refuse("an #include that names no file") }

END { exit refused }
