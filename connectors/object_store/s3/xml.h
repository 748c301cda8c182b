// The XML that S3 answers: elements and text. Attributes, comments and namespaces are skipped.
//
//   XmlNode root = ParseXml("<Error><Code>SlowDown</Code></Error>").value();
//   root.TextOf("Code");   // "SlowDown"
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_XML_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_XML_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace forebay {

struct XmlNode {
  std::string name;
  std::string text;  // its own, without that of the nodes in it
  std::vector<XmlNode> children;

  // The text of the first child of that name; empty: there is none.
  std::string TextOf(std::string_view child) const;

  // The first node of that name in this one, however deep, itself included; null: there is none.
  const XmlNode* Find(std::string_view wanted) const;
};

// The root of a document. INVALID_ARGUMENT: it is none.
absl::StatusOr<XmlNode> ParseXml(std::string_view text);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_XML_H_
