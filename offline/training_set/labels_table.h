// Labels in a Delta table, whoever wrote it.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABELS_TABLE_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABELS_TABLE_H_

#include "offline/training_set/labels_file.h"

namespace forebay {

// The rows of one version, in the order of the names of its files. As ReadLabelsFile;
// FAILED_PRECONDITION: the table needs a newer reader.
absl::StatusOr<LabelsInput> ReadLabelsTable(const LabelsSource& source);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABELS_TABLE_H_
