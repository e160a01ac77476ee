add_library(selvage_flags INTERFACE)
target_compile_options(selvage_flags INTERFACE -Wall -Wextra -Wpedantic -Wno-unused-parameter -Wnon-virtual-dtor
                       -Woverloaded-virtual $<$<CXX_COMPILER_ID:GNU>:-Wshadow=compatible-local> -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 warns wrongly about inlined std::string and std::optional code at -O2.
  target_compile_options(selvage_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-dangling-pointer
                         -Wno-stringop-overflow -Wno-array-bounds -Wno-missing-field-initializers)
endif()
option(SELVAGE_WERROR "Warnings are errors" ON)
if(SELVAGE_WERROR)
  target_compile_options(selvage_flags INTERFACE -Werror)
endif()
target_include_directories(selvage_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
find_program(LLD ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()
set(SELVAGE_SANITIZE "" CACHE STRING "address,undefined or thread")
if(SELVAGE_SANITIZE AND SELVAGE_FUZZ)
  # Plugins in C have another compiler than the fuzzer's, whose run-time library is not that of this one: they are left alone.
  # Everything else counts its branches, not the targets alone: without it the fuzzer is blind to what it reaches in src/.
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${SELVAGE_SANITIZE},fuzzer-no-link;-fno-sanitize-recover=all>")
  add_link_options($<$<LINK_LANGUAGE:CXX>:-fsanitize=${SELVAGE_SANITIZE}>)
elseif(SELVAGE_SANITIZE)
  add_compile_options(-fsanitize=${SELVAGE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SELVAGE_SANITIZE})
endif()
