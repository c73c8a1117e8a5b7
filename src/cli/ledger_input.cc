#include "cli/ledger_input.h"

#include <algorithm>
#include <utility>

namespace waybill::cli {
namespace {

constexpr size_t kBlockBytes = 1 << 20;
constexpr size_t kLineBytesMax = 16 << 20;

class FileInput final : public LedgerInput {
 public:
  explicit FileInput(std::vector<std::string> files) : files_(std::move(files)) {}

  std::optional<LedgerBlock> next(std::unique_ptr<source::BlockBuffer> buffer) override {
    for (; file_ < files_.size(); ++file_, open_.reset()) {
      if (!open_) {
        auto opened = source::open_line_blocks(files_[file_],
                                               {.block_bytes = kBlockBytes, .line_bytes_max = kLineBytesMax});
        if (!opened) {
          errors_.push_back(std::move(opened.error()));
          continue;
        }
        open_ = std::move(*opened);
        first_blocks_.emplace_back(number_, file_);
      }
      for (;;) {
        auto block = open_->next(std::move(buffer));
        if (!block) {
          errors_.push_back(std::move(block.error()));
          continue;
        }
        if (!*block) break;
        ++number_;
        return LedgerBlock{.lines = std::move(**block)};
      }
    }
    return std::nullopt;
  }

  std::string place(uint64_t block, uint64_t line, const std::vector<uint32_t>& lines) override {
    auto after = std::upper_bound(first_blocks_.begin(), first_blocks_.end(), std::pair(block, SIZE_MAX));
    const auto& [first, file] = *std::prev(after);
    if (counted_to_ < first) {
      counted_to_ = first;
      lines_before_ = 0;
    }
    for (; counted_to_ < block; ++counted_to_) lines_before_ += lines[counted_to_];
    return files_[file] + ":" + std::to_string(lines_before_ + line + 1);
  }

  std::vector<Error> take_errors() override { return std::exchange(errors_, {}); }

 private:
  std::vector<std::string> files_;
  std::vector<Error> errors_;
  size_t file_ = 0;
  uint64_t number_ = 0;
  std::unique_ptr<source::LineBlocks> open_;
  std::vector<std::pair<uint64_t, size_t>> first_blocks_;  ///< (number of a file's first block, file)
  uint64_t counted_to_ = 0;                                ///< block
  uint64_t lines_before_ = 0;                              ///< it in its file
};

}  // namespace

std::string LedgerBlock::place(uint64_t line) const {
  if (!names.empty()) return names[line];
  auto after =
      std::upper_bound(offsets.begin(), offsets.end(), std::pair(static_cast<uint32_t>(line), INT64_MAX));
  const auto& [first, offset] = *std::prev(after);
  return from + "@" + std::to_string(offset + static_cast<int64_t>(line - first));
}

std::unique_ptr<LedgerInput> open_ledger_files(std::vector<std::string> files) {
  return std::make_unique<FileInput>(std::move(files));
}

}  // namespace waybill::cli
