#include "online/http/open_api_schemas.h"

namespace forebay {

const char kOpenApiSchemas[] = R"json({
  "Error": {
    "type": "object",
    "properties": {
      "error": {
        "type": "object",
        "properties": {
          "code": {"type": "string", "description": "Such as INVALID_ARGUMENT: docs/serving.md lists them."},
          "message": {"type": "string"}
        },
        "required": ["code", "message"],
        "additionalProperties": false
      }
    },
    "required": ["error"],
    "additionalProperties": false
  },
  "EntityKeys": {
    "type": "object",
    "maxProperties": 100,
    "additionalProperties": {"type": ["string", "integer", "boolean"]},
    "description": "Every key column of the views asked for, and no other."
  },
  "At": {
    "oneOf": [{"type": "string", "format": "date-time"}, {"type": "integer"}],
    "description": "RFC 3339 text, or microseconds since 1970."
  },
  "GetRequest": {
    "type": "object",
    "properties": {
      "feature_service": {"type": "string", "minLength": 1, "description": "Such as fraud or fraud@3."},
      "model": {"type": "string", "minLength": 1, "description": "Such as fraud@champion or fraud@7."},
      "features": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "maxItems": 10000,
        "description": "Such as user_spend.spend_10m, user_spend@1.spend_10m or user_spend.*."
      },
      "entity": {"$ref": "#/components/schemas/EntityKeys"},
      "at": {"$ref": "#/components/schemas/At"}
    },
    "required": ["entity"],
    "additionalProperties": false,
    "oneOf": [{"required": ["feature_service"]}, {"required": ["model"]}, {"required": ["features"]}],
    "description": "One of feature_service, model and features."
  },
  "BatchGetRequest": {
    "type": "object",
    "properties": {
      "feature_service": {"type": "string", "minLength": 1, "description": "Such as fraud or fraud@3."},
      "model": {"type": "string", "minLength": 1, "description": "Such as fraud@champion or fraud@7."},
      "features": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "maxItems": 10000,
        "description": "Such as user_spend.spend_10m, user_spend@1.spend_10m or user_spend.*."
      },
      "entities": {"type": "array", "items": {"$ref": "#/components/schemas/EntityKeys"}, "maxItems": 10000},
      "at": {"$ref": "#/components/schemas/At"}
    },
    "required": ["entities"],
    "additionalProperties": false,
    "oneOf": [{"required": ["feature_service"]}, {"required": ["model"]}, {"required": ["features"]}],
    "description": "One of feature_service, model and features."
  },
  "FeatureValue": {"description": "As its type says; null where there is none."},
  "FeatureCell": {
    "type": "object",
    "properties": {
      "value": {"$ref": "#/components/schemas/FeatureValue"},
      "status": {"enum": ["PRESENT", "NOT_FOUND", "NULL_VALUE", "OUTSIDE_MAX_AGE"]},
      "effective_time": {"type": ["string", "null"], "format": "date-time"},
      "event_time": {"type": ["string", "null"], "format": "date-time"}
    },
    "required": ["value", "status", "effective_time", "event_time"],
    "additionalProperties": false
  },
  "AnsweringModel": {
    "type": "object",
    "properties": {
      "name": {"type": "string"},
      "version": {"type": "integer"},
      "artifact": {"type": "string"},
      "catalog_version": {"type": "integer"}
    },
    "required": ["name", "version", "artifact", "catalog_version"],
    "additionalProperties": false
  },
  "GetAnswer": {
    "type": "object",
    "properties": {
      "features": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/FeatureCell"}},
      "model": {"$ref": "#/components/schemas/AnsweringModel"}
    },
    "required": ["features"],
    "additionalProperties": false
  },
  "BatchGetAnswer": {
    "type": "object",
    "properties": {
      "features": {"type": "array", "items": {"type": "string"}},
      "values": {
        "type": "array",
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/FeatureValue"}}
      },
      "statuses": {
        "type": "array",
        "items": {
          "type": "array",
          "items": {"enum": ["PRESENT", "NOT_FOUND", "NULL_VALUE", "OUTSIDE_MAX_AGE"]}
        }
      },
      "effective_times": {
        "type": "array",
        "items": {"type": "array", "items": {"type": ["string", "null"], "format": "date-time"}}
      },
      "event_times": {
        "type": "array",
        "items": {"type": "array", "items": {"type": ["string", "null"], "format": "date-time"}}
      },
      "model": {"$ref": "#/components/schemas/AnsweringModel"}
    },
    "required": ["features", "values", "statuses", "effective_times", "event_times"],
    "additionalProperties": false
  },
  "Alive": {
    "type": "object",
    "properties": {"status": {"const": "alive"}},
    "required": ["status"],
    "additionalProperties": false
  },
  "Ready": {
    "type": "object",
    "properties": {"status": {"const": "ready"}},
    "required": ["status"],
    "additionalProperties": false
  },
  "OpenApi": {
    "type": "object",
    "description": "This document.",
    "required": ["openapi", "info", "paths", "components"]
  },
  "Column": {
    "type": "object",
    "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
    "required": ["name", "type"],
    "additionalProperties": false
  },
  "Summary": {
    "type": "object",
    "properties": {
      "key": {"type": "string", "description": "Such as view/user_spend@1."},
      "kind": {
        "type": "string",
        "enum": ["source", "entity", "view", "service", "model", "alias", "training_set"]
      },
      "name": {"type": "string"},
      "version": {"type": ["integer", "null"]},
      "state": {"enum": ["building", "live", "disabled", "retired", null]},
      "description": {"type": "string"},
      "owner": {"type": ["string", "null"]},
      "tags": {"type": "array", "items": {"type": "string"}},
      "deprecated": {
        "oneOf": [
          {
            "type": "object",
            "properties": {"since": {"type": "string"}, "use": {"type": ["string", "null"]}},
            "required": ["since", "use"],
            "additionalProperties": false
          },
          {"type": "null"}
        ]
      }
    },
    "required": ["key", "kind", "name", "version", "state", "description", "owner", "tags", "deprecated"],
    "additionalProperties": false
  },
  "Source": {
    "type": "object",
    "properties": {
      "key": {"type": "string", "description": "Such as view/user_spend@1."},
      "kind": {"const": "source"},
      "name": {"type": "string"},
      "version": {"type": ["integer", "null"]},
      "state": {"enum": ["building", "live", "disabled", "retired", null]},
      "description": {"type": "string"},
      "owner": {"type": ["string", "null"]},
      "tags": {"type": "array", "items": {"type": "string"}},
      "deprecated": {
        "oneOf": [
          {
            "type": "object",
            "properties": {"since": {"type": "string"}, "use": {"type": ["string", "null"]}},
            "required": ["since", "use"],
            "additionalProperties": false
          },
          {"type": "null"}
        ]
      },
      "topic": {"type": ["string", "null"]},
      "partitioned_by": {"type": "array", "items": {"type": "string"}},
      "columns": {"type": "array", "items": {"$ref": "#/components/schemas/Column"}},
      "event_time": {"type": "string"},
      "definition": {
        "type": "object",
        "description": "The message of schemas/forebay/v1/definition.proto in protobuf's JSON mapping."
      }
    },
    "required": [
      "key",
      "kind",
      "name",
      "version",
      "state",
      "description",
      "owner",
      "tags",
      "deprecated",
      "topic",
      "partitioned_by",
      "columns",
      "event_time",
      "definition"
    ],
    "additionalProperties": false
  },
  "Entity": {
    "type": "object",
    "properties": {
      "key": {"type": "string", "description": "Such as view/user_spend@1."},
      "kind": {"const": "entity"},
      "name": {"type": "string"},
      "version": {"type": ["integer", "null"]},
      "state": {"enum": ["building", "live", "disabled", "retired", null]},
      "description": {"type": "string"},
      "owner": {"type": ["string", "null"]},
      "tags": {"type": "array", "items": {"type": "string"}},
      "deprecated": {
        "oneOf": [
          {
            "type": "object",
            "properties": {"since": {"type": "string"}, "use": {"type": ["string", "null"]}},
            "required": ["since", "use"],
            "additionalProperties": false
          },
          {"type": "null"}
        ]
      },
      "keys": {"type": "array", "items": {"$ref": "#/components/schemas/Column"}},
      "definition": {
        "type": "object",
        "description": "The message of schemas/forebay/v1/definition.proto in protobuf's JSON mapping."
      }
    },
    "required": [
      "key",
      "kind",
      "name",
      "version",
      "state",
      "description",
      "owner",
      "tags",
      "deprecated",
      "keys",
      "definition"
    ],
    "additionalProperties": false
  },
  "View": {
    "type": "object",
    "properties": {
      "key": {"type": "string", "description": "Such as view/user_spend@1."},
      "kind": {"const": "view"},
      "name": {"type": "string"},
      "version": {"type": ["integer", "null"]},
      "state": {"enum": ["building", "live", "disabled", "retired", null]},
      "description": {"type": "string"},
      "owner": {"type": ["string", "null"]},
      "tags": {"type": "array", "items": {"type": "string"}},
      "deprecated": {
        "oneOf": [
          {
            "type": "object",
            "properties": {"since": {"type": "string"}, "use": {"type": ["string", "null"]}},
            "required": ["since", "use"],
            "additionalProperties": false
          },
          {"type": "null"}
        ]
      },
      "source": {"type": "string"},
      "entity": {"type": "string"},
      "features": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "name": {"type": "string"},
            "type": {"type": "string"},
            "value": {"type": "string"},
            "window": {"type": "string"},
            "description": {"type": "string"}
          },
          "required": ["name", "type", "value", "window", "description"],
          "additionalProperties": false
        }
      },
      "fingerprint": {"type": "string"},
      "definition": {
        "type": "object",
        "description": "The message of schemas/forebay/v1/definition.proto in protobuf's JSON mapping."
      }
    },
    "required": [
      "key",
      "kind",
      "name",
      "version",
      "state",
      "description",
      "owner",
      "tags",
      "deprecated",
      "source",
      "entity",
      "features",
      "fingerprint",
      "definition"
    ],
    "additionalProperties": false
  },
  "Service": {
    "type": "object",
    "properties": {
      "key": {"type": "string", "description": "Such as view/user_spend@1."},
      "kind": {"const": "service"},
      "name": {"type": "string"},
      "version": {"type": ["integer", "null"]},
      "state": {"enum": ["building", "live", "disabled", "retired", null]},
      "description": {"type": "string"},
      "owner": {"type": ["string", "null"]},
      "tags": {"type": "array", "items": {"type": "string"}},
      "deprecated": {
        "oneOf": [
          {
            "type": "object",
            "properties": {"since": {"type": "string"}, "use": {"type": ["string", "null"]}},
            "required": ["since", "use"],
            "additionalProperties": false
          },
          {"type": "null"}
        ]
      },
      "features": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "name": {"type": "string"},
            "view": {"type": "string"},
            "version": {"type": "integer"},
            "feature": {"type": "string"}
          },
          "required": ["name", "view", "version", "feature"],
          "additionalProperties": false
        }
      },
      "definition": {
        "type": "object",
        "description": "The message of schemas/forebay/v1/definition.proto in protobuf's JSON mapping."
      }
    },
    "required": [
      "key",
      "kind",
      "name",
      "version",
      "state",
      "description",
      "owner",
      "tags",
      "deprecated",
      "features",
      "definition"
    ],
    "additionalProperties": false
  },
  "ModelVersion": {
    "type": "object",
    "properties": {
      "key": {"type": "string", "description": "Such as view/user_spend@1."},
      "kind": {"const": "model"},
      "name": {"type": "string"},
      "version": {"type": ["integer", "null"]},
      "state": {"enum": ["building", "live", "disabled", "retired", null]},
      "description": {"type": "string"},
      "owner": {"type": ["string", "null"]},
      "tags": {"type": "array", "items": {"type": "string"}},
      "deprecated": {
        "oneOf": [
          {
            "type": "object",
            "properties": {"since": {"type": "string"}, "use": {"type": ["string", "null"]}},
            "required": ["since", "use"],
            "additionalProperties": false
          },
          {"type": "null"}
        ]
      },
      "artifact": {
        "type": "object",
        "properties": {
          "uri": {"type": "string"},
          "sha256": {"type": ["string", "null"]},
          "bytes": {"type": ["integer", "null"]}
        },
        "required": ["uri", "sha256", "bytes"],
        "additionalProperties": false
      },
      "service": {"type": "string"},
      "training_set": {"type": ["string", "null"]},
      "metrics": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
      "params": {"type": "object", "additionalProperties": {"type": "string"}}
    },
    "required": [
      "key",
      "kind",
      "name",
      "version",
      "state",
      "description",
      "owner",
      "tags",
      "deprecated",
      "artifact",
      "service",
      "training_set",
      "metrics",
      "params"
    ],
    "additionalProperties": false
  },
  "Alias": {
    "type": "object",
    "properties": {
      "key": {"type": "string", "description": "Such as view/user_spend@1."},
      "kind": {"const": "alias"},
      "name": {"type": "string"},
      "version": {"type": ["integer", "null"]},
      "state": {"enum": ["building", "live", "disabled", "retired", null]},
      "description": {"type": "string"},
      "owner": {"type": ["string", "null"]},
      "tags": {"type": "array", "items": {"type": "string"}},
      "deprecated": {
        "oneOf": [
          {
            "type": "object",
            "properties": {"since": {"type": "string"}, "use": {"type": ["string", "null"]}},
            "required": ["since", "use"],
            "additionalProperties": false
          },
          {"type": "null"}
        ]
      },
      "model_version": {"type": "integer"},
      "before": {"type": "array", "items": {"type": "integer"}}
    },
    "required": [
      "key",
      "kind",
      "name",
      "version",
      "state",
      "description",
      "owner",
      "tags",
      "deprecated",
      "model_version",
      "before"
    ],
    "additionalProperties": false
  },
  "TrainingSet": {
    "type": "object",
    "properties": {
      "key": {"type": "string", "description": "Such as view/user_spend@1."},
      "kind": {"const": "training_set"},
      "name": {"type": "string"},
      "version": {"type": ["integer", "null"]},
      "state": {"enum": ["building", "live", "disabled", "retired", null]},
      "description": {"type": "string"},
      "owner": {"type": ["string", "null"]},
      "tags": {"type": "array", "items": {"type": "string"}},
      "deprecated": {
        "oneOf": [
          {
            "type": "object",
            "properties": {"since": {"type": "string"}, "use": {"type": ["string", "null"]}},
            "required": ["since", "use"],
            "additionalProperties": false
          },
          {"type": "null"}
        ]
      },
      "manifest": {"type": ["object", "null"], "description": "docs/training_sets.md"}
    },
    "required": [
      "key",
      "kind",
      "name",
      "version",
      "state",
      "description",
      "owner",
      "tags",
      "deprecated",
      "manifest"
    ],
    "additionalProperties": false
  },
  "Object": {
    "oneOf": [
      {"$ref": "#/components/schemas/Source"},
      {"$ref": "#/components/schemas/Entity"},
      {"$ref": "#/components/schemas/View"},
      {"$ref": "#/components/schemas/Service"},
      {"$ref": "#/components/schemas/ModelVersion"},
      {"$ref": "#/components/schemas/Alias"},
      {"$ref": "#/components/schemas/TrainingSet"}
    ]
  },
  "ObjectList": {
    "type": "object",
    "properties": {
      "catalog_version": {"type": "integer", "description": "Of which all of the answer is."},
      "objects": {"type": "array", "items": {"$ref": "#/components/schemas/Summary"}},
      "next_page_token": {"type": ["string", "null"], "description": "Null: there is no more."}
    },
    "required": ["catalog_version", "objects", "next_page_token"],
    "additionalProperties": false
  },
  "Objects": {
    "type": "object",
    "properties": {
      "catalog_version": {"type": "integer", "description": "Of which all of the answer is."},
      "objects": {"type": "array", "items": {"$ref": "#/components/schemas/Object"}}
    },
    "required": ["catalog_version", "objects"],
    "additionalProperties": false
  },
  "SearchHits": {
    "type": "object",
    "properties": {
      "catalog_version": {"type": "integer", "description": "Of which all of the answer is."},
      "hits": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "object": {"$ref": "#/components/schemas/Summary"},
            "place": {"type": "string", "description": "Such as name, tag or feature spend_1h."},
            "text": {"type": "string"}
          },
          "required": ["object", "place", "text"],
          "additionalProperties": false
        }
      },
      "next_page_token": {"type": ["string", "null"], "description": "Null: there is no more."}
    },
    "required": ["catalog_version", "hits", "next_page_token"],
    "additionalProperties": false
  },
  "Lineage": {
    "type": "object",
    "properties": {
      "catalog_version": {"type": "integer", "description": "Of which all of the answer is."},
      "keys": {"type": "array", "items": {"type": "string"}},
      "objects": {"type": "array", "items": {"$ref": "#/components/schemas/Summary"}},
      "edges": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {"above": {"type": "string"}, "below": {"type": "string"}},
          "required": ["above", "below"],
          "additionalProperties": false
        }
      }
    },
    "required": ["catalog_version", "keys", "objects", "edges"],
    "additionalProperties": false
  },
  "Commit": {
    "type": "object",
    "properties": {
      "version": {"type": "integer"},
      "time": {"type": "string", "format": "date-time"},
      "by": {"type": "string"},
      "command": {"type": "string"},
      "revision": {"type": ["string", "null"]}
    },
    "required": ["version", "time", "by", "command", "revision"],
    "additionalProperties": false
  },
  "Commits": {
    "type": "object",
    "properties": {
      "catalog_version": {"type": "integer", "description": "Of which all of the answer is."},
      "commits": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "version": {"type": "integer"},
            "time": {"type": "string", "format": "date-time"},
            "by": {"type": "string"},
            "command": {"type": "string"},
            "revision": {"type": ["string", "null"]},
            "changes": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {"key": {"type": "string"}, "removed": {"type": "boolean"}},
                "required": ["key", "removed"],
                "additionalProperties": false
              }
            }
          },
          "required": ["version", "time", "by", "command", "revision", "changes"],
          "additionalProperties": false
        }
      },
      "next_page_token": {"type": ["string", "null"], "description": "Null: there is no more."}
    },
    "required": ["catalog_version", "commits", "next_page_token"],
    "additionalProperties": false
  },
  "CatalogStatus": {
    "type": "object",
    "properties": {
      "catalog_version": {"type": "integer", "description": "Of which all of the answer is."},
      "commit": {"oneOf": [{"$ref": "#/components/schemas/Commit"}, {"type": "null"}]},
      "objects": {
        "type": "object",
        "description": "How many of each kind.",
        "additionalProperties": {"type": "integer"}
      },
      "ready": {"type": "boolean"},
      "not_ready_because": {"type": ["string", "null"]},
      "tasks": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "topic": {"type": "string"},
            "partition": {"type": "integer"},
            "position": {"type": ["integer", "null"]},
            "caught_up": {"type": "boolean"},
            "records_to_catch_up": {"type": "integer"}
          },
          "required": ["topic", "partition", "position", "caught_up", "records_to_catch_up"],
          "additionalProperties": false
        }
      },
      "lane": {
        "description": "Views that are brought up beside those that serve; null: none.",
        "type": ["object", "null"],
        "properties": {
          "views": {"type": "array", "items": {"type": "string"}},
          "reads_files": {"type": "boolean"},
          "records_read": {"type": "integer"},
          "records": {"type": "integer"},
          "records_per_second": {"type": "number"},
          "error": {"type": ["string", "null"]}
        },
        "required": ["views", "reads_files", "records_read", "records", "records_per_second",
                     "error"],
        "additionalProperties": false
      }
    },
    "required": ["catalog_version", "commit", "objects", "ready", "not_ready_because", "tasks", "lane"],
    "additionalProperties": false
  },
  "Statistics": {
    "type": "object",
    "properties": {
      "catalog_version": {"type": "integer", "description": "Of which all of the answer is."},
      "view": {"type": "string"},
      "from": {"type": ["string", "null"], "format": "date"},
      "to": {"type": ["string", "null"], "format": "date"},
      "features": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "name": {"type": "string"},
            "days": {"type": "integer"},
            "count": {"type": "integer"},
            "nulls": {"type": "integer"},
            "nans": {"type": "integer"},
            "null_rate": {"type": ["number", "null"]},
            "distinct": {"type": ["integer", "null"]},
            "numbers": {
              "oneOf": [
                {
                  "type": "object",
                  "properties": {
                    "min": {"type": ["number", "null"]},
                    "max": {"type": ["number", "null"]},
                    "mean": {"type": ["number", "null"]},
                    "stddev": {"type": ["number", "null"]},
                    "quantiles": {
                      "type": "array",
                      "items": {
                        "type": "object",
                        "properties": {"at": {"type": "number"}, "value": {"type": ["number", "null"]}},
                        "required": ["at", "value"],
                        "additionalProperties": false
                      }
                    },
                    "histogram": {
                      "type": "object",
                      "properties": {
                        "edges": {"type": "array", "items": {"type": ["number", "null"]}},
                        "counts": {"type": "array", "items": {"type": "integer"}}
                      },
                      "required": ["edges", "counts"],
                      "additionalProperties": false
                    }
                  },
                  "required": ["min", "max", "mean", "stddev", "quantiles", "histogram"],
                  "additionalProperties": false
                },
                {"type": "null"}
              ]
            },
            "top": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {"value": {"type": "string"}, "count": {"type": "integer"}},
                "required": ["value", "count"],
                "additionalProperties": false
              }
            },
            "age_seconds": {
              "oneOf": [
                {
                  "type": "object",
                  "properties": {"mean": {"type": "number"}, "max": {"type": "number"}},
                  "required": ["mean", "max"],
                  "additionalProperties": false
                },
                {"type": "null"}
              ]
            }
          },
          "required": [
            "name",
            "days",
            "count",
            "nulls",
            "nans",
            "null_rate",
            "distinct",
            "numbers",
            "top",
            "age_seconds"
          ],
          "additionalProperties": false
        }
      }
    },
    "required": ["catalog_version", "view", "from", "to", "features"],
    "additionalProperties": false
  },
  "ModelList": {
    "type": "object",
    "properties": {
      "catalog_version": {"type": "integer", "description": "Of which all of the answer is."},
      "models": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "name": {"type": "string"},
            "newest_version": {"type": "integer"},
            "aliases": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {
                  "alias": {"type": "string"},
                  "version": {"type": "integer"},
                  "before": {"type": "array", "items": {"type": "integer"}}
                },
                "required": ["alias", "version", "before"],
                "additionalProperties": false
              }
            }
          },
          "required": ["name", "newest_version", "aliases"],
          "additionalProperties": false
        }
      },
      "next_page_token": {"type": ["string", "null"], "description": "Null: there is no more."}
    },
    "required": ["catalog_version", "models", "next_page_token"],
    "additionalProperties": false
  },
  "Model": {
    "type": "object",
    "properties": {
      "catalog_version": {"type": "integer", "description": "Of which all of the answer is."},
      "name": {"type": "string"},
      "aliases": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {
            "alias": {"type": "string"},
            "version": {"type": "integer"},
            "before": {"type": "array", "items": {"type": "integer"}}
          },
          "required": ["alias", "version", "before"],
          "additionalProperties": false
        }
      },
      "versions": {"type": "array", "items": {"$ref": "#/components/schemas/ModelVersion"}}
    },
    "required": ["catalog_version", "name", "aliases", "versions"],
    "additionalProperties": false
  },
  "ModelDiff": {
    "type": "object",
    "properties": {
      "catalog_version": {"type": "integer", "description": "Of which all of the answer is."},
      "model": {"type": "string"},
      "before": {"type": "integer"},
      "after": {"type": "integer"},
      "differences": {
        "type": "array",
        "items": {
          "type": "object",
          "properties": {"what": {"type": "string"}, "before": {"type": "string"}, "after": {"type": "string"}},
          "required": ["what", "before", "after"],
          "additionalProperties": false
        }
      }
    },
    "required": ["catalog_version", "model", "before", "after", "differences"],
    "additionalProperties": false
  }
})json";

}  // namespace forebay
