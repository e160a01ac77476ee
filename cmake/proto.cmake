# Our .proto files -> C++ in the build tree. `proto/` is the import root, as in Fabric ("common/common.proto").
# The two protos of rpc/ (health, status) are a library of their own, so that rpc/ knows nothing of Fabric.
function(selvage_proto_library target root)
  if(NOT ARGN)  # no .proto files in this part of the tree
    add_library(${target} INTERFACE)
    return()
  endif()
  set(sources "")
  foreach(file ${ARGN})
    string(REGEX REPLACE "\\.proto$" "" stem ${file})
    set(out ${CMAKE_BINARY_DIR}/proto/${stem})
    add_custom_command(
      OUTPUT ${out}.pb.cc ${out}.pb.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/proto
      COMMAND protobuf::protoc -I ${root} --cpp_out=${CMAKE_BINARY_DIR}/proto ${root}/${file}
      DEPENDS ${root}/${file}
      VERBATIM)
    list(APPEND sources ${out}.pb.cc ${out}.pb.h)
  endforeach()
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/proto)
  target_link_libraries(${target} PUBLIC protobuf::libprotobuf)
  target_compile_options(${target} PRIVATE -w)
endfunction()

file(GLOB_RECURSE fabric_protos CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/proto ${CMAKE_SOURCE_DIR}/proto/*.proto)
set(rpc_protos ${fabric_protos})
list(FILTER rpc_protos INCLUDE REGEX "^grpc/")
list(FILTER fabric_protos EXCLUDE REGEX "^grpc/")
selvage_proto_library(selvage_proto ${CMAKE_SOURCE_DIR}/proto ${fabric_protos})
selvage_proto_library(selvage_proto_rpc ${CMAKE_SOURCE_DIR}/proto ${rpc_protos})
