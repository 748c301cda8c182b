// forebay erase ENTITY KEY...: takes everything of one key out of state, topics' newest records,
// and tables with their older versions. --check only looks.
#include <arrow/api.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "cli/command.h"
#include "cli/erasure_check.h"
#include "cli/erasure_scope.h"
#include "cli/erasure_wait.h"
#include "cli/kafka_config.h"
#include "cli/read_cost.h"
#include "cli/row_printer.h"
#include "connectors/kafka/erasure_request.h"
#include "connectors/object_store/object_store.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/snapshot.h"
#include "offline/erasure/key_bounds.h"
#include "offline/erasure/logged_rows.h"
#include "offline/erasure/table_erasure.h"
#include "offline/sink/table_flush.h"
#include "online/store/state_folder.h"
#include "schemas/types/byte_size.h"
#include "schemas/types/counted.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

struct EraseArguments {
  std::string folder = ".";
  std::string entity;
  std::vector<std::string> keys;
  std::string timeout = "5m";
  bool check = false;
  bool tables_only = false;
  RowFormat format = RowFormat::kTable;
};

// What is done; what is found goes to stdout.
template <typename... Args>
void Say(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print(stderr, "{}\n", fmt::format(format, std::forward<Args>(args)...));
}

std::shared_ptr<arrow::RecordBatch> AsRows(const std::vector<ErasureFinding>& findings) {
  auto schema =
      arrow::schema({arrow::field("place", arrow::utf8()), arrow::field("found", arrow::int64()),
                     arrow::field("verdict", arrow::utf8()), arrow::field("note", arrow::utf8())});
  auto builder = arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool()).ValueOrDie();
  for (const ErasureFinding& finding : findings) {
    (void)builder->GetFieldAs<arrow::StringBuilder>(0)->Append(finding.place);
    (void)builder->GetFieldAs<arrow::Int64Builder>(1)->Append(finding.found);
    (void)builder->GetFieldAs<arrow::StringBuilder>(2)->Append(ErasureVerdictName(finding.verdict));
    (void)builder->GetFieldAs<arrow::StringBuilder>(3)->Append(finding.note);
  }
  return builder->Flush().ValueOrDie();
}

// FAILED_PRECONDITION: something is left.
absl::Status Conclude(const std::vector<ErasureFinding>& findings, RowFormat format) {
  RowPrinter printer(format);
  printer.Print(*AsRows(findings));
  printer.Finish();
  const auto left = std::count_if(findings.begin(), findings.end(), [](const auto& finding) {
    return finding.verdict == ErasureVerdict::kLeft;
  });
  if (left == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "the key is left in {}: `forebay erase` removes it", Counted(left, "place", "places")));
}

class EraseRun {
 public:
  EraseRun(const EraseArguments& arguments, const LoadedProject& loaded)
      : arguments_(arguments),
        loaded_(loaded),
        warehouse_(OpenObjectStore(loaded.config.warehouse, loaded.config.s3)) {}

  absl::Status Run() {
    ASSIGN_OR_RETURN(const int64_t timeout_us, Timeout());
    ASSIGN_OR_RETURN(scope_,
                     FindErasureScope(loaded_, warehouse_, arguments_.entity, arguments_.keys));
    if (!arguments_.tables_only) {
      ASSIGN_OR_RETURN(kafka_, MakeKafkaConfig(loaded_.config));
    }
    if (arguments_.check) {
      ASSIGN_OR_RETURN(std::vector<ErasureFinding> findings, Find(nullptr));
      return Conclude(findings, arguments_.format);
    }
    ErasedUpTo up_to;
    if (arguments_.tables_only) {
      RETURN_IF_ERROR(KeepWorkersAway());
      for (ErasureScope::Table& table : scope_.tables) table.topic.clear();
    } else {
      ASSIGN_OR_RETURN(up_to, EraseFromStream(absl::Microseconds(timeout_us)));
    }
    for (const ErasureScope::Table& table : scope_.tables) {
      RETURN_IF_ERROR(EraseTable(table.id.ToString(), OfflineTablePath(table.id),
                                 KeyUpTo(scope_, table.topic, up_to)));
    }
    for (const std::string& path : scope_.served)
      RETURN_IF_ERROR(EraseTable(path, path, ErasedKey::Of(*scope_.entity, scope_.key)));
    const ErasedUpTo* waited_for = arguments_.tables_only ? nullptr : &up_to;
    ASSIGN_OR_RETURN(std::vector<ErasureFinding> findings, Find(waited_for));
    ASSIGN_OR_RETURN(bool named, ForgetNames(findings));
    if (named) {
      ASSIGN_OR_RETURN(findings, Find(waited_for));
    }
    return Conclude(findings, arguments_.format);
  }

 private:
  absl::StatusOr<int64_t> Timeout() const {
    absl::StatusOr<int64_t> given = ParseDuration(arguments_.timeout);
    if (given.ok()) return given;
    return absl::InvalidArgumentError(fmt::format("--timeout '{}': {}", arguments_.timeout,
                                                  std::string(given.status().message())));
  }

  absl::StatusOr<std::vector<ErasureFinding>> Find(const ErasedUpTo* up_to) const {
    return CheckErasure({.loaded = loaded_,
                         .scope = scope_,
                         .warehouse = warehouse_,
                         .kafka = kafka_ ? &*kafka_ : nullptr,
                         .up_to = up_to,
                         .alone = folder_.has_value()});
  }

  // Where other programs' statistics name the key. False: nowhere.
  absl::StatusOr<bool> ForgetNames(const std::vector<ErasureFinding>& findings) const {
    bool any = false;
    for (const ErasureFinding& finding : findings) {
      const std::string& path = finding.named_in_log;
      if (path.empty()) continue;
      ASSIGN_OR_RETURN(Snapshot newest, LoadSnapshot(*warehouse_, path, std::nullopt));
      RETURN_IF_ERROR(
          ForgetBounds(warehouse_.get(), path, newest, ErasedKey::Of(*scope_.entity, scope_.key)));
      Say("{}: took the key out of the log's statistics, which another program wrote", path);
      any = true;
    }
    return any;
  }

  // Where a worker may have rows that no table has yet, they come after the erasure.
  absl::Status KeepWorkersAway() {
    if (absl::IsNotFound(ReadStateIdentity(loaded_.config.state).status())) return absl::OkStatus();
    ASSIGN_OR_RETURN(folder_, OpenStateFolder(loaded_.config.state, loaded_.project->name()));
    ASSIGN_OR_RETURN(std::set<TaskId> tasks, LocalTasks(loaded_));
    for (const TaskId& task : tasks) {
      for (const ErasureScope::Table& table : scope_.tables) {
        ASSIGN_OR_RETURN(int64_t rows,
                         CountLoggedRows(loaded_.config.state.string(), task, table.id,
                                         ErasedKey::Of(*scope_.entity, scope_.key), Offset(-1)));
        if (rows == 0) continue;
        return absl::FailedPreconditionError(fmt::format(
            "nothing was erased: the change log of {} has {} of the key that table {} is to get: "
            "run a worker, and erase without --tables-only",
            task.ToString(), Counted(rows, "row", "rows"), table.id.ToString()));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ErasedUpTo> EraseFromStream(absl::Duration timeout) {
    ASSIGN_OR_RETURN(std::unique_ptr<ErasureWait> wait,
                     ErasureWait::Begin(loaded_, scope_, *kafka_, warehouse_));
    ASSIGN_OR_RETURN(
        std::vector<SentErasure> sent,
        SendErasure(*kafka_, scope_.source_topics, scope_.entity->name(), scope_.key_text));
    CrashPoint("erase.sent");
    Say("sent to {} of {}; waiting until a worker has applied it",
        Counted(std::ssize(sent), "partition", "partitions"),
        fmt::join(scope_.source_topics, ", "));
    return wait->Run(sent, timeout);
  }

  absl::Status EraseTable(const std::string& name, const std::string& path, const ErasedKey& key) {
    absl::StatusOr<std::unique_ptr<DeltaTable>> table = DeltaTable::Open(warehouse_, path);
    if (absl::IsNotFound(table.status())) return absl::OkStatus();
    RETURN_IF_ERROR(table.status());
    ASSIGN_OR_RETURN(ErasureResult done,
                     EraseFromTable(warehouse_, table->get(), key,
                                    {.encoding = loaded_.config.parquet_encoding,
                                     .cold = loaded_.config.cold,
                                     .cost = CostOf(loaded_.config),
                                     .alone = folder_.has_value(),
                                     .now_us = [] { return absl::ToUnixMicros(absl::Now()); }}));
    Say("{}: {} erased, {} of {} written anew as {}; {} of {} removed that held the key; version "
        "{}",
        name, Counted(done.rows, "row", "rows"), Counted(done.files_rewritten, "file", "files"),
        ShowByteSize(done.bytes_before), ShowByteSize(done.bytes_after),
        Counted(done.old_files, "file", "files"), ShowByteSize(done.old_bytes), done.version);
    return absl::OkStatus();
  }

  const EraseArguments& arguments_;
  const LoadedProject& loaded_;
  const std::shared_ptr<ObjectStore> warehouse_;
  ErasureScope scope_;
  std::optional<KafkaConfig> kafka_;
  std::optional<StateFolder> folder_;
};

absl::Status Erase(const EraseArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  return EraseRun(arguments, loaded).Run();
}

}  // namespace

void AddEraseCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<EraseArguments>();
  CLI::App* command = app->add_subcommand(
      "erase", "Erase one key of an entity from state, update topics and tables; beside a worker");
  command->add_option("entity", arguments->entity, "The entity")->required();
  command->add_option("key", arguments->keys, "Key values, in declared order, or column=value")
      ->required();
  CLI::Option* check = command->add_flag(
      "--check", arguments->check, "Erase nothing: only say what is left of the key, and where");
  command->add_flag("--tables-only", arguments->tables_only,
                    "Ask no broker: of a project that no worker runs, the tables alone");
  command
      ->add_option("--timeout", arguments->timeout,
                   "How long workers may take to apply it before this gives up")
      ->capture_default_str()
      ->excludes(check);
  AddFormatOption(command, {RowFormat::kTable, RowFormat::kJson}, &arguments->format);
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([arguments, exit_code] { *exit_code = Report(Erase(*arguments)); });
}

}  // namespace forebay
