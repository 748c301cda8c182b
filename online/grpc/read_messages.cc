#include "online/grpc/read_messages.h"

#include <bit>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "connectors/decode/wire_scanner.h"
#include "fmt/format.h"
#include "forebay/v1/serving.pb.h"
#include "schemas/types/utf8.h"

namespace forebay {
namespace {

constexpr uint32_t Tag(int number, WireType type) {
  return static_cast<uint32_t>(number) << 3 | static_cast<uint32_t>(type);
}

constexpr auto kText = WireType::kLengthDelimited;
constexpr auto kVarint = WireType::kVarint;

// Fields of both requests, under the same numbers.
constexpr int kFeatureService = v1::GetRequest::kFeatureServiceFieldNumber;
constexpr int kFeatures = v1::GetRequest::kFeaturesFieldNumber;
constexpr int kEntity = v1::GetRequest::kEntityFieldNumber;
constexpr int kAt = v1::GetRequest::kAtFieldNumber;
constexpr int kModel = v1::GetRequest::kModelFieldNumber;
constexpr int kRequestId = v1::GetRequest::kRequestIdFieldNumber;
static_assert(int{v1::BatchGetRequest::kRequestIdFieldNumber} == kRequestId);
static_assert(int{v1::BatchGetRequest::kFeatureServiceFieldNumber} == kFeatureService);
static_assert(int{v1::BatchGetRequest::kFeaturesFieldNumber} == kFeatures);
static_assert(int{v1::BatchGetRequest::kEntitiesFieldNumber} == kEntity);
static_assert(int{v1::BatchGetRequest::kAtFieldNumber} == kAt);
static_assert(int{v1::BatchGetRequest::kModelFieldNumber} == kModel);

class RequestReader {
 public:
  explicit RequestReader(bool batch) : batch_(batch) {}

  absl::StatusOr<ReadRequest> Read(std::string_view message) && {
    if (!batch_) request_.entities.emplace_back();
    if (!ReadFields(message, &RequestReader::TakeRequestField)) return std::move(status_);
    return std::move(request_);
  }

 private:
  // Takes what follows a tag; false: it cannot.
  using Take = bool (RequestReader::*)(uint32_t tag, WireScanner& scanner);

  bool ReadFields(std::string_view message, Take take) {
    WireScanner scanner(message);
    while (!scanner.AtEnd()) {
      uint32_t tag;
      if (scanner.ReadTag(&tag) && (this->*take)(tag, scanner)) continue;
      if (status_.ok()) {
        Fail(fmt::format("the message is no forebay.v1.{}: {}",
                         batch_ ? "BatchGetRequest" : "GetRequest", scanner.problem()));
      }
      return false;
    }
    return true;
  }

  bool Fail(const std::string& message) {
    status_ = absl::InvalidArgumentError(message);
    return false;
  }

  bool ReadText(WireScanner& scanner, std::string_view* text) {
    return scanner.ReadBytes(text) && (IsUtf8(*text) || scanner.Fail("a string is not UTF-8"));
  }

  bool TakeRequestField(uint32_t tag, WireScanner& scanner) {
    std::string_view bytes;
    uint64_t number;
    switch (tag) {
      case Tag(kFeatureService, kText):
        return ReadText(scanner, &request_.feature_service);
      case Tag(kModel, kText):
        return ReadText(scanner, &request_.model);
      case Tag(kRequestId, kText):
        return ReadText(scanner, &request_.request_id);
      case Tag(kFeatures, kText):
        return ReadText(scanner, &bytes) && AddFeature(bytes);
      case Tag(kEntity, kText):
        return scanner.ReadBytes(&bytes) && (batch_ ? AddEntity(bytes) : AddKey(bytes));
      case Tag(kAt, kVarint):
        if (!scanner.ReadVarint(&number)) return false;
        request_.at = KnownTime(static_cast<int64_t>(number));
        return true;
      default:
        return scanner.Skip(tag);
    }
  }

  bool AddFeature(std::string_view name) {
    if (request_.features.size() == ReadPlanner::kMostNames) {
      return Fail(
          fmt::format("more than {} features in one request: split it", ReadPlanner::kMostNames));
    }
    request_.features.push_back(name);
    return true;
  }

  bool AddEntity(std::string_view entity) {
    if (request_.entities.size() == FeatureReader::kMostEntities) {
      return Fail(
          fmt::format("more than {} entities in one request; at most {} are allowed: "
                      "split it",
                      FeatureReader::kMostEntities, FeatureReader::kMostEntities));
    }
    request_.entities.emplace_back();
    return ReadFields(entity, &RequestReader::TakeEntityField);
  }

  bool TakeEntityField(uint32_t tag, WireScanner& scanner) {
    std::string_view entry;
    if (tag != Tag(v1::EntityKey::kKeysFieldNumber, kText)) return scanner.Skip(tag);
    return scanner.ReadBytes(&entry) && AddKey(entry);
  }

  // `entry`: of a map<string, Value>.
  bool AddKey(std::string_view entry) {
    EntityKeys& keys = request_.entities.back();
    if (keys.size() == FeatureReader::kMostKeys) {
      return Fail(fmt::format("an entity has more than {} key columns", FeatureReader::kMostKeys));
    }
    keys.emplace_back();
    return ReadFields(entry, &RequestReader::TakeEntryField);
  }

  bool TakeEntryField(uint32_t tag, WireScanner& scanner) {
    constexpr int kKey = 1, kValue = 2;
    std::string_view value;
    switch (tag) {
      case Tag(kKey, kText):
        return ReadText(scanner, &request_.entities.back().back().first);
      case Tag(kValue, kText):
        return scanner.ReadBytes(&value) && ReadFields(value, &RequestReader::TakeValueField);
      default:
        return scanner.Skip(tag);
    }
  }

  bool TakeValueField(uint32_t tag, WireScanner& scanner) {
    Value& value = request_.entities.back().back().second;
    std::string_view bytes;
    uint64_t number;
    switch (tag) {
      case Tag(v1::Value::kBoolValueFieldNumber, kVarint):
        return scanner.ReadVarint(&number) && Set(value, number != 0);
      case Tag(v1::Value::kInt64ValueFieldNumber, kVarint):
      case Tag(v1::Value::kTimestampValueFieldNumber, kVarint):
        return scanner.ReadVarint(&number) && Set(value, static_cast<int64_t>(number));
      case Tag(v1::Value::kDoubleValueFieldNumber, WireType::kFixed64):
        return scanner.ReadFixed(&number) && Set(value, std::bit_cast<double>(number));
      case Tag(v1::Value::kStringValueFieldNumber, kText):
        return ReadText(scanner, &bytes) && Set(value, std::string(bytes));
      case Tag(v1::Value::kBytesValueFieldNumber, kText):
        return scanner.ReadBytes(&bytes) && Set(value, std::string(bytes));
      case Tag(v1::Value::kListValueFieldNumber, kText):  // no key is one
        return scanner.ReadBytes(&bytes) && Set(value, ValueList());
      default:
        return scanner.Skip(tag);
    }
  }

  template <typename T>
  static bool Set(Value& value, T&& set) {
    value = std::forward<T>(set);
    return true;
  }

  const bool batch_;
  ReadRequest request_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<ReadRequest> ReadGetRequest(std::string_view message) {
  return RequestReader(/*batch=*/false).Read(message);
}

absl::StatusOr<ReadRequest> ReadBatchGetRequest(std::string_view message) {
  return RequestReader(/*batch=*/true).Read(message);
}

}  // namespace forebay
