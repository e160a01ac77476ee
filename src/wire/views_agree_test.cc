// The in-place readers against the generated classes, over thousands of spoiled messages: whoever disagrees on what
// bytes say would give a block another verdict than its neighbour.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <random>
#include <sstream>

#include "common/common.pb.h"
#include "msp/identities.pb.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "peer/transaction.pb.h"
#include "wire/block.h"
#include "wire/fields.h"
#include "wire/marshal.h"
#include "wire/transaction_views.h"
#include "wire/views.h"

namespace selvage::wire {
namespace {

constexpr int kRounds = 2000;

// A message of each kind, out of a transaction that upstream's orderer ordered.
struct Samples {
  Bytes envelope, payload, channel_header, signature_header, identity, transaction, action, response, chaincode_action;
};

const Samples& samples() {
  static const Samples made = [] {
    std::ifstream file(std::string(SELVAGE_SOURCE_DIR) + "/test/golden/mychannel_1.block", std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    Samples s;
    s.envelope = parse<::common::Block>(content.str())->data().data(0);
    s.payload = parse<::common::Envelope>(s.envelope)->payload();
    const auto payload = *parse<::common::Payload>(s.payload);
    s.channel_header = payload.header().channel_header();
    s.signature_header = payload.header().signature_header();
    s.identity = parse<::common::SignatureHeader>(s.signature_header)->creator();
    s.transaction = payload.data();
    s.action = parse<::protos::Transaction>(s.transaction)->actions(0).payload();
    s.response = parse<::protos::ChaincodeActionPayload>(s.action)->action().proposal_response_payload();
    s.chaincode_action = parse<::protos::ProposalResponsePayload>(s.response)->extension();
    return s;
  }();
  return made;
}

// One to four changes, most of them near the front, where tags and lengths are.
Bytes spoil(Bytes bytes, std::mt19937_64& random) {
  for (uint64_t i = 0, changes = 1 + random() % 4; i < changes && !bytes.empty(); ++i) {
    const size_t at = random() % (random() % 3 == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 24));
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes.erase(at, 1 + random() % 3);
        break;
      case 2:
        bytes.insert(at, 1, static_cast<char>(random()));
        break;
      case 3:
        bytes += bytes.substr(0, random() % bytes.size());  // fields that come twice
        break;
      default:
        bytes.resize(at);
    }
  }
  return bytes;
}

// `compare` says whether both readers accepted and, if so, checks that they agree.
void each_spoiled(const Bytes& sample, const std::function<bool(const Bytes&)>& compare) {
  std::mt19937_64 random(7);
  ASSERT_TRUE(compare(sample));
  int accepted = 0;
  for (int i = 0; i < kRounds && !testing::Test::HasFailure(); ++i) {
    const Bytes bytes = spoil(sample, random);
    SCOPED_TRACE(to_hex(BytesView(bytes).substr(0, 100)));
    accepted += compare(bytes) ? 1 : 0;
  }
  EXPECT_GT(accepted, kRounds / 100);  // the changes leave something to compare
  EXPECT_LT(accepted, kRounds);
}

template <class Message, class View>
bool both(const Result<Message>& message, const Result<View>& view) {
  EXPECT_EQ(message.has_value(), view.has_value());
  return message.has_value() && view.has_value();
}

TEST(ViewsAgree, OnEnvelopesAndPayloads) {
  each_spoiled(samples().envelope, [](const Bytes& bytes) {
    const auto message = parse<::common::Envelope>(bytes);
    const auto view = read_envelope(bytes);
    if (!both(message, view)) return false;
    EXPECT_EQ(message->payload(), view->payload);
    EXPECT_EQ(message->signature(), view->signature);
    return true;
  });
  each_spoiled(samples().payload, [](const Bytes& bytes) {
    const auto message = parse<::common::Payload>(bytes);
    const auto view = read_payload(bytes);
    if (!both(message, view)) return false;
    EXPECT_EQ(message->has_header(), view->has_header);
    EXPECT_EQ(message->header().channel_header(), view->header.channel_header);
    EXPECT_EQ(message->header().signature_header(), view->header.signature_header);
    EXPECT_EQ(message->data(), view->data);
    return true;
  });
}

TEST(ViewsAgree, OnHeadersAndIdentities) {
  each_spoiled(samples().channel_header, [](const Bytes& bytes) {
    const auto message = parse<::common::ChannelHeader>(bytes);
    const auto view = read_channel_header(bytes);
    if (!both(message, view)) return false;
    EXPECT_EQ(message->type(), view->type);
    EXPECT_EQ(message->version(), view->version);
    EXPECT_EQ(message->has_timestamp(), view->has_timestamp);
    EXPECT_EQ(message->timestamp().seconds(), view->timestamp_seconds);
    EXPECT_EQ(message->timestamp().nanos(), view->timestamp_nanos);
    EXPECT_EQ(message->channel_id(), view->channel_id);
    EXPECT_EQ(message->tx_id(), view->tx_id);
    EXPECT_EQ(message->epoch(), view->epoch);
    EXPECT_EQ(message->extension(), view->extension);
    EXPECT_EQ(message->tls_cert_hash(), view->tls_cert_hash);
    return true;
  });
  each_spoiled(samples().signature_header, [](const Bytes& bytes) {
    const auto message = parse<::common::SignatureHeader>(bytes);
    const auto view = read_signature_header(bytes);
    if (!both(message, view)) return false;
    EXPECT_EQ(message->creator(), view->creator);
    EXPECT_EQ(message->nonce(), view->nonce);
    return true;
  });
  each_spoiled(samples().identity, [](const Bytes& bytes) {
    const auto message = parse<::msp::SerializedIdentity>(bytes);
    const auto view = read_identity(bytes);
    if (!both(message, view)) return false;
    EXPECT_EQ(message->mspid(), view->mspid);
    EXPECT_EQ(message->id_bytes(), view->id_bytes);
    return true;
  });
}

TEST(ViewsAgree, OnTransactionsAndWhatWasEndorsed) {
  each_spoiled(samples().transaction, [](const Bytes& bytes) {
    const auto message = parse<::protos::Transaction>(bytes);
    const auto view = read_transaction(bytes);
    if (!both(message, view)) return false;
    EXPECT_EQ(static_cast<size_t>(message->actions_size()), view->size());
    for (size_t i = 0; i < view->size() && !testing::Test::HasFailure(); ++i) {
      EXPECT_EQ(message->actions(static_cast<int>(i)).header(), (*view)[i].header);
      EXPECT_EQ(message->actions(static_cast<int>(i)).payload(), (*view)[i].payload);
    }
    return true;
  });
  each_spoiled(samples().action, [](const Bytes& bytes) {
    const auto message = parse<::protos::ChaincodeActionPayload>(bytes);
    const auto view = read_chaincode_action_payload(bytes);
    if (!both(message, view)) return false;
    EXPECT_EQ(message->chaincode_proposal_payload(), view->proposal_payload);
    EXPECT_EQ(message->has_action(), view->has_action);
    EXPECT_EQ(message->action().proposal_response_payload(), view->response_payload);
    EXPECT_EQ(static_cast<size_t>(message->action().endorsements_size()), view->endorsements.size());
    return true;
  });
}

TEST(ViewsAgree, OnResponsesAndTheirEffects) {
  each_spoiled(samples().response, [](const Bytes& bytes) {
    const auto message = parse<::protos::ProposalResponsePayload>(bytes);
    const auto view = read_proposal_response_payload(bytes);
    if (!both(message, view)) return false;
    EXPECT_EQ(message->proposal_hash(), view->proposal_hash);
    EXPECT_EQ(message->extension(), view->extension);
    return true;
  });
  each_spoiled(samples().chaincode_action, [](const Bytes& bytes) {
    const auto message = parse<::protos::ChaincodeAction>(bytes);
    const auto view = read_chaincode_action(bytes);
    if (!both(message, view)) return false;
    EXPECT_EQ(message->results(), view->results);
    EXPECT_EQ(message->events(), view->events);
    EXPECT_EQ(message->has_response(), view->response.present);
    EXPECT_EQ(message->response().status(), view->response.status);
    EXPECT_EQ(message->response().message(), view->response.message);
    EXPECT_EQ(message->response().payload(), view->response.payload);
    EXPECT_EQ(message->has_chaincode_id(), view->chaincode_id.present);
    EXPECT_EQ(message->chaincode_id().name(), view->chaincode_id.name);
    EXPECT_EQ(message->chaincode_id().version(), view->chaincode_id.version);
    EXPECT_EQ(message->chaincode_id().path(), view->chaincode_id.path);
    return true;
  });
}

TEST(ViewsAgree, WellFormedIsWhatIsWrittenAnewTheSame) {
  each_spoiled(samples().envelope, [](const Bytes& bytes) {
    const auto message = parse<::common::Envelope>(bytes);
    const bool canonical = check_canonical_envelope(bytes, 0).has_value();
    if (!message) {
      EXPECT_FALSE(canonical);
      return false;
    }
    // Unknown fields are out of this comparison: libprotobuf writes them anew, Go as they came.
    if (message->GetReflection()->GetUnknownFields(*message).field_count() > 0) return true;
    EXPECT_EQ(canonical, !message->payload().empty() && !message->signature().empty() && marshal(*message) == bytes);
    return true;
  });
}

}  // namespace
}  // namespace selvage::wire
