#include "chaincode/system/system_chaincode.h"

#include "base/utf8.h"

namespace selvage::chaincode {

protos::Response success(Bytes payload) {
  protos::Response response;
  response.set_status(200);
  response.set_payload(std::move(payload));
  return response;
}

protos::Response failure(std::string message) {
  protos::Response response;
  response.set_status(500);
  response.set_message(to_utf8(std::move(message)));
  return response;
}

}  // namespace selvage::chaincode
