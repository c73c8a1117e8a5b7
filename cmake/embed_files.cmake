# cmake -DFOLDER=dist -DOUTPUT=x.cc -P embed_files.cmake
#
# Writes a C++ file that defines waybill::http::web_files() (src/http/web.h) with the files that FOLDER/manifest.txt lists (made by
# web/scripts/pack.mjs). The assembler takes the bytes in: arrays of a megabyte would take a compiler minutes.
file(STRINGS "${FOLDER}/manifest.txt" lines)
set(arrays "")
set(names "")
set(rows "")
set(index 0)
foreach(line ${lines})
  string(REPLACE ";" "@@" line "${line}")
  string(REPLACE "|" ";" fields "${line}")
  list(GET fields 0 name)
  list(GET fields 1 type)
  list(GET fields 2 etag)
  list(GET fields 3 immutable)
  string(REPLACE "@@" ";" type "${type}")
  foreach(form plain gzip)
    set(path "${FOLDER}/${name}")
    if(form STREQUAL "gzip")
      string(APPEND path ".gz")
    endif()
    file(SIZE "${path}" size)
    string(APPEND arrays
      "asm(\".pushsection .rodata\\n.global waybill_web_${form}_${index}\\n.type waybill_web_${form}_${index}, @object\\n\"\n"
      "    \".size waybill_web_${form}_${index}, ${size}\\nwaybill_web_${form}_${index}:\\n\"\n"
      "    \".incbin \\\"${path}\\\"\\n.popsection\\n\");\n")
    string(APPEND names "extern const char waybill_web_${form}_${index}[];\n")
    set(size_${form} ${size})
  endforeach()
  set(flag "false")
  if(immutable)
    set(flag "true")
  endif()
  string(APPEND rows "    {\"${name}\", \"${type}\", {waybill_web_plain_${index}, ${size_plain}}, "
    "{waybill_web_gzip_${index}, ${size_gzip}}, \"\\\"${etag}\\\"\", ${flag}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUTPUT}.new" "// Made by cmake/embed_files.cmake from web/.
#include \"http/web.h\"

extern \"C\" {
${names}}

${arrays}
namespace waybill::http {

std::span<const WebFile> web_files() {
  static const WebFile kFiles[] = {
${rows}  };
  return kFiles;
}

}  // namespace waybill::http
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
