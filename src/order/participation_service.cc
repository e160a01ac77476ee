#include "order/participation_service.h"

#include <utility>

#include "http/server.h"
#include "order/participation.h"

namespace selvage::order {

void add_participation(http::Server& server, Registrar& registrar, bool needs_certificate) {
  const auto handler = [&registrar](const http::Request& request) {
    ParticipationRequest asked;
    asked.method = request.method;
    asked.path = request.path;
    asked.accept = request.headers.get("Accept");
    asked.content_type = request.headers.get("Content-Type");
    if (asked.content_type.starts_with("multipart/form-data")) {
      if (auto parts = http::parse_multipart(asked.content_type, request.body); parts) {
        for (auto& part : *parts) asked.form->push_back({std::move(part.name), !part.file_name.empty(), std::move(part.body)});
      } else {
        asked.form = fail(parts.error());
      }
    }
    ParticipationResponse answered = answer(asked, registrar);
    http::Response response;
    response.status = answered.status;
    for (auto& [name, value] : answered.headers) response.headers.add(std::move(name), std::move(value));
    response.body = std::move(answered.body);
    return response;
  };
  server.add(std::string(kParticipationBase), handler, needs_certificate);
}

}  // namespace selvage::order
