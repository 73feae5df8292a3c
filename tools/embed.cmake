# Writes OUTPUT: the bytes of INPUT as nibble::tools::NAME.
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT}
  "#include \"tools/embedded.hpp\"\n"
  "namespace nibble::tools {\n"
  "namespace {\nconstexpr unsigned char kBytes[] = {${bytes}};\n}\n"
  "std::string_view ${NAME}() {\n"
  "  return {reinterpret_cast<const char*>(kBytes), sizeof(kBytes)};\n}\n"
  "}  // namespace nibble::tools\n")
