#include "rpc/health.h"

#include <map>
#include <mutex>
#include <set>

#include "grpc/health/v1/health.pb.h"
#include "rpc/server.h"
#include "rpc/typed.h"

namespace selvage::rpc {
namespace {

using Request = grpc::health::v1::HealthCheckRequest;
using Response = grpc::health::v1::HealthCheckResponse;

Bytes encode(Serving status) {
  Response response;
  response.set_status(static_cast<Response::ServingStatus>(status));
  return response.SerializeAsString();
}

}  // namespace

struct Health::State {
  struct Watcher {
    std::shared_ptr<ServerCall> call;
    std::string service;
    Serving told;
  };
  std::mutex mutex;
  bool shut_down = false;
  std::map<std::string, Serving> services;
  std::set<Watcher*> watchers;

  void tell() {  // under the mutex
    for (Watcher* watcher : watchers) {
      auto found = services.find(watcher->service);
      Serving now = found == services.end() ? Serving::kServiceUnknown : found->second;
      if (now == watcher->told) continue;
      watcher->told = now;
      watcher->call->write(encode(now));
    }
  }
};

namespace {

// One Watch call.
class WatchHandler final : public StreamHandler {
 public:
  WatchHandler(std::shared_ptr<Health::State> state, std::shared_ptr<ServerCall> call) : state_(std::move(state)) {
    watcher_.call = std::move(call);
  }
  ~WatchHandler() override { leave(); }

  void on_message(Bytes message) override {
    Request request;
    if (!request.ParseFromString(message)) return watcher_.call->finish(unparsable());
    std::lock_guard lock(state_->mutex);
    if (!state_->watchers.insert(&watcher_).second) return;
    watcher_.service = request.service();
    watcher_.told = Serving(-1);
    state_->tell();
  }
  void on_half_close() override {}  // the client keeps listening
  void on_cancelled(const Status&) override { leave(); }

 private:
  void leave() {
    std::lock_guard lock(state_->mutex);
    state_->watchers.erase(&watcher_);
  }
  std::shared_ptr<Health::State> state_;
  Health::State::Watcher watcher_;
};

}  // namespace

Health::Health() : state_(std::make_shared<State>()) {}

void Health::add_to(Server& server) {
  set("", Serving::kServing);
  for (const std::string& service : server.services()) set(service, Serving::kServing);
  add_unary<Request, Response>(
      server, "/grpc.health.v1.Health/Check",
      [state = state_](ServerCall&, const Request& request, Response* response) -> Status {
        std::lock_guard lock(state->mutex);
        auto found = state->services.find(request.service());
        if (found == state->services.end()) return {Code::kNotFound, "unknown service"};
        response->set_status(static_cast<Response::ServingStatus>(found->second));
        return {};
      },
      Run::kOnLoop);
  server.add_stream("/grpc.health.v1.Health/Watch", [state = state_](std::shared_ptr<ServerCall> call) {
    return std::make_unique<WatchHandler>(state, std::move(call));
  });
}

void Health::set(const std::string& service, Serving status) {
  std::lock_guard lock(state_->mutex);
  if (state_->shut_down) return;
  state_->services[service] = status;
  state_->tell();
}

void Health::shut_down() {
  std::lock_guard lock(state_->mutex);
  state_->shut_down = true;
  for (auto& [service, status] : state_->services) status = Serving::kNotServing;
  state_->tell();
}

}  // namespace selvage::rpc
