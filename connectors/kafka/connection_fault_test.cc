#include "connectors/kafka/connection_fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

namespace forebay {
namespace {

using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1000);

TEST(ConnectionFaultTest, BrokersThatAreAwayAreWaitedFor) {
  ConnectionFault fault;
  EXPECT_EQ(fault.Reason(), "");
  fault.Note(RD_KAFKA_RESP_ERR__TRANSPORT, "b:1: Connection refused (after 0ms in state CONNECT)",
             kStart);
  fault.Note(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down", kStart);
  EXPECT_EQ(fault.Reason(), " (b:1: Connection refused)");
  EXPECT_EQ(fault.Refusal("b:1", kStart + absl::Hours(1)), absl::OkStatus());
}

TEST(ConnectionFaultTest, ARefusalCountsOnceOtherBrokersHadTimeToAnswer) {
  ConnectionFault fault;
  fault.Note(RD_KAFKA_RESP_ERR__AUTHENTICATION, "b:1: invalid credentials", kStart);
  fault.Note(RD_KAFKA_RESP_ERR__TRANSPORT, "c:1: Connection refused", kStart + absl::Seconds(1));
  EXPECT_EQ(fault.Refusal("b:1,c:1", kStart + absl::Seconds(1)), absl::OkStatus());
  absl::Status refused = fault.Refusal("b:1,c:1", kStart + absl::Seconds(2));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(refused.ToString(), HasSubstr("b:1: invalid credentials. Under `kafka` in"));
  EXPECT_THAT(refused.ToString(), HasSubstr("`sasl.password`"));
}

TEST(ConnectionFaultTest, ACertificateThatIsNotTrustedNamesItsSettings) {
  ConnectionFault fault;
  fault.Note(RD_KAFKA_RESP_ERR__SSL, "b:1: certificate verify failed", kStart);
  absl::Status refused = fault.Refusal("b:1", kStart + absl::Seconds(2));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(refused.ToString(), HasSubstr("`ssl.ca.location`"));
}

TEST(ConnectionFaultTest, ABrokerThatAsksForACertificateIsTold) {
  ConnectionFault fault;
  fault.Note(RD_KAFKA_RESP_ERR__TRANSPORT, "b:1: bad certificate: SSL alert number 42", kStart);
  absl::Status refused = fault.Refusal("b:1", kStart + absl::Seconds(2));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(refused.ToString(), HasSubstr("`ssl.certificate.location`"));
}

}  // namespace
}  // namespace forebay
