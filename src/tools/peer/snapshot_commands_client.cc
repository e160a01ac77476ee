#include <ostream>

#include "os/system_random.h"
#include "peer/snapshot.pb.h"
#include "tools/peer/commands.h"
#include "tools/peer/session_client.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::tools::peer {
namespace {

using cobra::Call;
using cobra::Kind;

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

Status check_channel(const Call& call) {
  if (!call.text("channelID").empty()) return {};
  return refuse("the required parameter 'channelID' is empty. Rerun the command with -c flag");
}

Result<std::shared_ptr<rpc::Channel>> connect(Call& call, Session& session) {
  const std::string root = call.text("tlsRootCertFile");
  if (session.settings().peer_tls.enabled && root.empty())
    return refuse("the required parameter 'tlsRootCertFile' is empty. Rerun the command with --tlsRootCertFile flag");
  auto channel = session.peer_channel({call.text("peerAddress"), root}, "snapshot client");
  if (!channel) return fail(channel.error().within("failed to retrieve snapshot client"));
  return channel;
}

// One call of protos.Snapshot, with a signed `request`. The answer's bytes. `refused`: the command's words.
template <class Request>
Result<Bytes> ask(Call& call, Session& session, const char* method, const char* refused, Request request) {
  SELVAGE_TRY(const auto channel, connect(call, session));
  *request.mutable_signature_header() = wire::make_signature_header(session.signer().serialized, os::system_random());
  request.set_channel_id(call.text("channelID"));
  ::protos::SignedSnapshotRequest sealed;
  sealed.set_request(wire::marshal(request));
  SELVAGE_TRY(*sealed.mutable_signature(), session.signer().sign(sealed.request()));
  auto reply = channel->call(std::string("/protos.Snapshot/") + method, wire::marshal(sealed));
  if (!reply.status.ok()) return fail(Error{reply.status.code, reply.status.to_string(), "", ""}.within(refused));
  return reply.message;
}

uint64_t block_number(const Call& call) {
  const std::string typed = call.text("blockNumber");
  return typed.empty() ? 0 : std::stoull(typed);
}

Status submitrequest(Call& call, Session& session) {
  SELVAGE_CHECK(check_channel(call));
  call.silence_usage();
  ::protos::SnapshotRequest request;
  request.set_block_number(block_number(call));
  SELVAGE_CHECK(ask(call, session, "Generate", "failed to submit the request", std::move(request)));
  call.out() << "Snapshot request submitted successfully\n";
  return {};
}

Status cancelrequest(Call& call, Session& session) {
  SELVAGE_CHECK(check_channel(call));
  if (block_number(call) == 0)
    return refuse("the required parameter 'blockNumber' is empty or set to 0. Rerun the command with -b flag");
  call.silence_usage();
  ::protos::SnapshotRequest request;
  request.set_block_number(block_number(call));
  SELVAGE_CHECK(ask(call, session, "Cancel", "failed to cancel the request", std::move(request)));
  call.out() << "Snapshot request cancelled successfully\n";
  return {};
}

Status listpending(Call& call, Session& session) {
  SELVAGE_CHECK(check_channel(call));
  call.silence_usage();
  SELVAGE_TRY(const Bytes reply, ask(call, session, "QueryPendings", "failed to list pending requests",
                                     ::protos::SnapshotQuery()));
  SELVAGE_TRY(const auto answer, wire::parse<::protos::QueryPendingSnapshotsResponse>(reply));
  std::string numbers;
  for (const uint64_t number : answer.block_numbers()) numbers += (numbers.empty() ? "" : " ") + std::to_string(number);
  call.out() << "Successfully got pending snapshot requests: [" << numbers << "]\n";
  return {};
}

}  // namespace

cobra::Command snapshot_command(Context& context) {
  const std::vector<cobra::Flag> flags{
      {"channelID", 'c', Kind::kText, "The channel on which this command should be executed", ""},
      {"blockNumber", 'b', Kind::kUnsigned, "The block number for which a snapshot will be generated", ""},
      {"peerAddress", 0, Kind::kText, "The address of the peer to connect to", ""},
      {"tlsRootCertFile", 0, Kind::kText,
       "The path to the TLS root cert file of the peer to connect to, required if TLS is enabled and ignored if TLS is "
       "disabled.",
       ""},
  };
  const auto leaf = [&](const char* name, const char* summary, const std::string& help, std::vector<cobra::Flag> own,
                        Status (*run)(Call&, Session&)) {
    return cobra::Command{
        name, summary, help, std::move(own), {}, {}, [&context, run](Call& call) { return run(call, *context.session); },
        nullptr};
  };
  const std::string summary = "Manage snapshot requests: submitrequest|cancelrequest|listpending";
  cobra::Command snapshot{"snapshot", summary, summary, {}, {}, {}, nullptr, open_session(context)};
  const char* submit = "Submit a request for a snapshot at the specified block.";
  const char* cancel = "Cancel a request for a snapshot at the specified block.";
  snapshot.commands = {
      leaf("submitrequest", submit,
           std::string(submit) + " When the blockNumber parameter is set to 0 or not provided, it will submit a request "
                                 "for the last committed block.",
           flags, submitrequest),
      leaf("cancelrequest", cancel, cancel, flags, cancelrequest),
      leaf("listpending", "List pending requests for snapshots.", "List pending requests for snapshots.",
           pick(flags, {"channelID", "peerAddress", "tlsRootCertFile"}), listpending),
  };
  return snapshot;
}

}  // namespace selvage::tools::peer
