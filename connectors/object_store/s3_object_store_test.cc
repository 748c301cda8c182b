// S3ObjectStore beyond what every store keeps to: networks and stores that fail, who may ask, and
// how often it asks.
#include "connectors/object_store/s3_object_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "connectors/object_store/s3/listing.h"
#include "connectors/object_store/testing/s3_server.h"

namespace forebay {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

class S3ObjectStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.Mend();
    server_.MakeBucket("data");
    prefix_ = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    store_ = std::make_unique<S3ObjectStore>("data", prefix_, server_.Settings());
    server_.Requests();
  }
  void TearDown() override { server_.Mend(); }

  absl::Status PutIfAbsent(const std::string& path, const std::string& bytes) {
    return store_->PutIfAbsent(path, bytes, std::nullopt);
  }

  S3Server& server_ = S3Server::Get();
  std::string prefix_;
  std::unique_ptr<S3ObjectStore> store_;
};

TEST_F(S3ObjectStoreTest, TriesAgainWhileTheStoreIsNotWell) {
  for (const char* fault : {"slow_down", "error", "reset", "done_reset"}) {
    server_.Fail(fault, "PUT", "", 2);
    EXPECT_TRUE(store_->Put("x", fault).ok()) << fault;
    server_.Fail(fault, "GET", "", 2);
    EXPECT_EQ(store_->Get("x").value(), fault);
  }
  EXPECT_EQ(store_->requests().retries, 16);
  EXPECT_EQ(store_->requests().total(), 8);
}

TEST_F(S3ObjectStoreTest, AConditionalWriteThatWasDoneButNotAnsweredIsOurs) {
  for (const char* fault : {"done_reset", "done_error"}) {
    server_.Fail(fault, "PUT");
    EXPECT_TRUE(PutIfAbsent(fault, "ours").ok()) << fault;
    EXPECT_TRUE(absl::IsAlreadyExists(PutIfAbsent(fault, "ours"))) << "bytes alike are not enough";
  }
}

TEST_F(S3ObjectStoreTest, AConditionalWriteThatCameTooLateIsNotOurs) {
  ASSERT_TRUE(PutIfAbsent("x", "theirs").ok());
  server_.Fail("error", "PUT");  // not done: another came first
  EXPECT_TRUE(absl::IsAlreadyExists(PutIfAbsent("x", "theirs")));
  EXPECT_EQ(store_->Get("x").value(), "theirs");
}

TEST_F(S3ObjectStoreTest, ReadsARangeAgainThatBrokeOffWithinIt) {
  std::string bytes(1'000'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 >> 3);
  ASSERT_TRUE(store_->Put("x", bytes).ok());
  auto reader = store_->Open("x").value();
  server_.Fail("cut", "GET", "", 2);
  std::string got(500'000, '\0');
  ASSERT_EQ(reader->ReadAt(100'000, 500'000, got.data()).value(), 500'000);
  EXPECT_EQ(got, bytes.substr(100'000, 500'000));
}

TEST_F(S3ObjectStoreTest, GivesUpInTimeAndThenAsksOnceUntilTheStoreAnswers) {
  S3Settings settings = server_.Settings();
  settings.retry_for_us = 300'000;
  store_ = std::make_unique<S3ObjectStore>("data", prefix_, settings);
  server_.Fail("slow_down", "", "", -1);
  absl::Status status = store_->Put("x", "1");
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("cannot write s3://data/" + prefix_ + "/x: SlowDown"),
                    HasSubstr(server_.url())));
  server_.Requests();
  EXPECT_TRUE(absl::IsUnavailable(store_->Put("x", "1")));
  EXPECT_THAT(server_.Requests(), SizeIs(1));
  server_.Mend();
  EXPECT_TRUE(store_->Put("x", "1").ok());
  server_.Fail("slow_down", "", "", 1);
  EXPECT_TRUE(store_->Put("x", "1").ok()) << "it tries again, as before";
}

TEST_F(S3ObjectStoreTest, AStoreThatHangsIsGivenUp) {
  S3Settings settings = server_.Settings();
  settings.request_timeout_us = 1'000'000;
  settings.retry_for_us = 0;
  S3ObjectStore store("data", prefix_, settings);
  server_.Fail("hang", "PUT", "", 1, 4);
  absl::Status status = store.Put("x", "1");
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("check the network and `endpoint`"));
}

TEST_F(S3ObjectStoreTest, AStoreThatIsNotThereIsNamed) {
  S3Settings settings = server_.Settings();
  settings.endpoint = "http://127.0.0.1:1";
  settings.retry_for_us = 0;
  absl::Status status = S3ObjectStore("data", "", settings).Put("x", "1");
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("cannot write s3://data/x: http://127.0.0.1:1: "));
}

TEST_F(S3ObjectStoreTest, SaysWhatIsWrongWithTheBucket) {
  absl::Status status = S3ObjectStore("other", "", server_.Settings()).Put("x", "1");
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("create the bucket other"));
  EXPECT_THAT(Message(S3ObjectStore("other", "", server_.Settings()).Get("x").status()),
              HasSubstr("create the bucket other"));

  S3Settings settings = server_.Settings();
  settings.region = "eu-west-1";
  status = S3ObjectStore("data", "", settings).Put("x", "1");
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(Message(status), HasSubstr("the bucket is in the region us-east-1, not eu-west-1"));
  server_.Fail("moved", "GET");
  EXPECT_THAT(Message(store_->Get("x").status()), HasSubstr("is in the region eu-west-9"));
}

TEST_F(S3ObjectStoreTest, SaysWhoLacksWhichPermission) {
  server_.Allow("reader", "secret", "^(PUT|DELETE) /data");
  ScopedVariable id("AWS_ACCESS_KEY_ID", "reader");
  ScopedVariable secret("AWS_SECRET_ACCESS_KEY", "secret");
  S3ObjectStore store("data", prefix_, server_.Settings());
  absl::Status status = store.Put("x", "1");
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("AccessDenied (Access Denied); allow s3:PutObject on "
                                         "arn:aws:s3:::data/" +
                                         prefix_ + "/x to reader (from AWS_ACCESS_KEY_ID)"));
  EXPECT_THAT(Message(store.Delete("x")), HasSubstr("s3:DeleteObject on"));
  EXPECT_TRUE(store.List("").ok());
  ScopedVariable wrong("AWS_SECRET_ACCESS_KEY", "mistyped");
  EXPECT_THAT(Message(S3ObjectStore("data", "", server_.Settings()).Put("x", "1")),
              AllOf(HasSubstr("SignatureDoesNotMatch"), HasSubstr("mend the credentials"),
                    ::testing::Not(HasSubstr("mistyped"))));
}

TEST_F(S3ObjectStoreTest, CredentialsOfAFileAreReadAgainWhenTheyHaveExpired) {
  const std::string file = ::testing::TempDir() + "s3_credentials";
  auto write = [&](const std::string& id, const std::string& secret) {
    std::ofstream(file) << "[etl]\naws_access_key_id = " << id
                        << "\naws_secret_access_key = " << secret << "\n";
  };
  ScopedVariable no_id("AWS_ACCESS_KEY_ID", "");
  ScopedVariable no_secret("AWS_SECRET_ACCESS_KEY", "");
  ScopedVariable files("AWS_SHARED_CREDENTIALS_FILE", file);
  ScopedVariable profile("AWS_PROFILE", "etl");
  write("first", "one");
  server_.Allow("first", "one", "^$");
  S3ObjectStore store("data", prefix_, server_.Settings());
  ASSERT_TRUE(store.Put("x", "1").ok());

  server_.Fail("expired", "PUT", "", 2);
  absl::Status status = store.Put("x", "2");
  EXPECT_TRUE(absl::IsUnavailable(status)) << "nobody has renewed them: " << status;
  EXPECT_THAT(Message(status),
              HasSubstr("renew or mend the credentials, which are first (from [etl] in "));

  write("second", "two");
  server_.Allow("second", "two", "^$");
  server_.Fail("expired", "PUT", "", 1);
  EXPECT_TRUE(store.Put("x", "3").ok());
  server_.Allow("second", "other", "^$");
  EXPECT_FALSE(store.Put("x", "4").ok()) << "it was the second that asked";
  std::filesystem::remove(file);
  EXPECT_TRUE(absl::IsUnavailable(store.Put("x", "5"))) << "somebody is writing it anew, maybe";
  status = S3ObjectStore("data", "", server_.Settings()).Put("x", "1");
  EXPECT_THAT(Message(status), HasSubstr("AWS_PROFILE is etl, but neither "));
}

TEST_F(S3ObjectStoreTest, WithoutCredentialsItSaysWhereTheyBelong) {
  ScopedVariable no_id("AWS_ACCESS_KEY_ID", "");
  ScopedVariable no_secret("AWS_SECRET_ACCESS_KEY", "");
  absl::Status status = S3ObjectStore("data", "", server_.Settings()).Put("x", "1");
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(Message(status),
              HasSubstr("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write "
                        "them into /dev/null"));
}

// Each is told by the id of the key that it gives, which the server does not know.
TEST_F(S3ObjectStoreTest, CredentialsComeFromAgentsToo) {
  ScopedVariable no_id("AWS_ACCESS_KEY_ID", "");
  ScopedVariable no_secret("AWS_SECRET_ACCESS_KEY", "");
  auto who = [&] {
    return Message(S3ObjectStore("data", "", server_.Settings()).Get("x").status());
  };
  {
    ScopedVariable machine("AWS_EC2_METADATA_DISABLED", "false");
    ScopedVariable at("AWS_EC2_METADATA_SERVICE_ENDPOINT", server_.url() + "/_agent");
    EXPECT_THAT(who(), HasSubstr("which are of-role-etl (from the metadata service at 127.0.0.1"));
  }
  {
    ScopedVariable agent("AWS_CONTAINER_CREDENTIALS_FULL_URI", server_.url() + "/_agent/container");
    EXPECT_THAT(who(),
                HasSubstr("which are of-container (from the container's agent at 127.0.0.1"));
    ScopedVariable elsewhere("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
    EXPECT_THAT(who(), HasSubstr("the container's agent at 127.0.0.1:1 gives no credentials"));
  }
  {
    const std::string token = ::testing::TempDir() + "web_identity";
    std::ofstream(token) << "token+/=\n";
    ScopedVariable file("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    ScopedVariable role("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/etl");
    ScopedVariable at("AWS_ENDPOINT_URL_STS", server_.url() + "/_agent/sts");
    EXPECT_THAT(who(), HasSubstr("which are of-token (from 127.0.0.1"));
  }
}

TEST_F(S3ObjectStoreTest, ListsAllPages) {
  for (const char* path : {"a/1", "a/2", "a/b/3", "a/c/4", "a/d", "a/e/5", "a/f"})
    ASSERT_TRUE(store_->Put(path, "1").ok());
  S3Client client("data", server_.Settings());
  server_.Requests();
  const std::string a = prefix_ + "/a/";
  S3Listing listing = ListKeys(&client, {.prefix = a, .page = 2}).value();
  EXPECT_THAT(server_.Requests(), SizeIs(4));
  std::vector<std::string> keys;
  for (const ObjectInfo& object : listing.objects) keys.push_back(object.path);
  EXPECT_THAT(keys, ElementsAre(a + "1", a + "2", a + "d", a + "f"));
  EXPECT_THAT(listing.folders, ElementsAre(a + "b", a + "c", a + "e"));
  listing =
      ListKeys(&client, {.prefix = a, .after = a + "2", .one_level = false, .page = 3}).value();
  EXPECT_THAT(listing.objects, SizeIs(5));
  EXPECT_THAT(listing.folders, SizeIs(0));
  ASSERT_TRUE(store_->DeleteFolder("a").ok());
  EXPECT_THAT(store_->List("a").value(), SizeIs(0));
}

TEST_F(S3ObjectStoreTest, AsksNoMoreThanItMust) {
  const RequestCounts before = store_->requests();
  ASSERT_TRUE(PutIfAbsent("small", "1").ok());
  auto writer = store_->Create("large").value();
  ASSERT_TRUE(writer->Append(std::string(20'000'000, 'x')).ok());
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_THAT(server_.Requests(), SizeIs(1 + 5)) << "begun, three parts, completed";
  auto reader = store_->Open("large").value();
  std::string bytes(60'000, '\0');
  ASSERT_TRUE(reader->ReadAt(19'950'000, 50'000, bytes.data()).ok());
  EXPECT_THAT(server_.Requests(), SizeIs(1)) << "the end comes with the opening";
  ASSERT_TRUE(reader->ReadAt(0, 50'000, bytes.data()).ok());
  EXPECT_THAT(server_.Requests(), SizeIs(1));
  RequestCounts counts = store_->requests();
  EXPECT_EQ(counts[RequestKind::kRead] - before[RequestKind::kRead], 2);
  EXPECT_EQ(counts[RequestKind::kWrite] - before[RequestKind::kWrite], 5);
  EXPECT_EQ(counts[RequestKind::kCommit] - before[RequestKind::kCommit], 1);
  EXPECT_EQ(counts.retries, 0);
}

TEST_F(S3ObjectStoreTest, AnUploadThatFailsIsAborted) {
  auto writer = store_->Create("large").value();
  ASSERT_TRUE(writer->Append(std::string(9'000'000, 'x')).ok());
  server_.Fail("moved", "PUT", "partNumber=2");
  absl::Status status = writer->Append(std::string(20'000'000, 'x'));
  if (status.ok()) status = writer->Finish();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  server_.Requests();
  writer.reset();
  EXPECT_THAT(server_.Requests(),
              ElementsAre(HasSubstr("DELETE /data/" + prefix_ + "/large?uploadId=")));
  EXPECT_TRUE(absl::IsNotFound(store_->Get("large").status()));
}

TEST_F(S3ObjectStoreTest, AnUploadThatWasCompletedButNotAnsweredIsThere) {
  for (const char* fault : {"done_reset", "error", "slow_down"}) {
    auto writer = store_->Create("large").value();
    ASSERT_TRUE(writer->Append(std::string(9'000'000, fault[0])).ok());
    server_.Fail(fault, "POST", "uploadId=");
    ASSERT_TRUE(writer->Finish().ok()) << fault;
    EXPECT_EQ(store_->Open("large").value()->size(), 9'000'000);
  }
}

TEST_F(S3ObjectStoreTest, AnObjectThatIsReplacedWhileItIsReadIsNotMixed) {
  ASSERT_TRUE(store_->Put("x", std::string(200'000, 'a')).ok());
  auto reader = store_->Open("x").value();
  ASSERT_TRUE(store_->Put("x", std::string(200'000, 'b')).ok());
  char byte;
  EXPECT_TRUE(absl::IsUnavailable(reader->ReadAt(0, 1, &byte).status()));
}

}  // namespace
}  // namespace forebay
