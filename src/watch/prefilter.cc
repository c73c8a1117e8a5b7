#include "watch/prefilter.h"

#include <hs.h>

#include <memory>
#include <utility>

#include "base/assert.h"

namespace waybill::watch {
namespace {

struct FreeDatabase {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
};
using Database = std::unique_ptr<hs_database_t, FreeDatabase>;

struct FreeCompileError {
  void operator()(hs_compile_error_t* error) const { hs_free_compile_error(error); }
};

struct Call {
  void (*found)(void*, uint64_t, uint32_t);
  void* context;
};

int on_match(unsigned id, unsigned long long, unsigned long long to, unsigned, void* context) {
  const Call& call = *static_cast<const Call*>(context);
  call.found(call.context, to, id);
  return 0;
}

}  // namespace

struct Scratch::Impl {
  hs_scratch_t* scratch = nullptr;
  ~Impl() { hs_free_scratch(scratch); }
};

Scratch::Scratch() : impl_(std::make_unique<Impl>()) {}
Scratch::~Scratch() = default;
Scratch::Scratch(Scratch&&) noexcept = default;
Scratch& Scratch::operator=(Scratch&&) noexcept = default;

struct Prefilter::Impl {
  std::vector<Database> databases;
};

Prefilter::Prefilter(std::span<const Expression> expressions) : impl_(std::make_unique<Impl>()) {
  std::vector<const Expression*> usable;
  for (const auto& expression : expressions) {
    hs_expr_info_t* info = nullptr;
    hs_compile_error_t* error = nullptr;
    bool fine = hs_expression_info(expression.text.c_str(), 0, &info, &error) == HS_SUCCESS;
    std::unique_ptr<hs_compile_error_t, FreeCompileError> owned(error);
    if (fine && info->min_width == 0) {
      fine = false;
      refused_.push_back({expression.id, "it matches the empty text"});
    } else if (!fine) {
      refused_.push_back({expression.id, error && error->message ? error->message : "refused"});
    }
    std::free(info);
    if (fine) usable.push_back(&expression);
  }
  compile(usable);
}

void Prefilter::compile(std::span<const Expression* const> expressions) {
  if (expressions.empty()) return;
  std::vector<const char*> texts;
  std::vector<unsigned> flags(expressions.size(), 0), ids;
  for (const auto* expression : expressions) {
    texts.push_back(expression->text.c_str());
    ids.push_back(expression->id);
  }
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  auto code = hs_compile_multi(texts.data(), flags.data(), ids.data(), static_cast<unsigned>(texts.size()),
                               HS_MODE_BLOCK, nullptr, &database, &error);
  if (code == HS_SUCCESS) {
    impl_->databases.emplace_back(database);
    return;
  }
  std::unique_ptr<hs_compile_error_t, FreeCompileError> owned(error);
  if (expressions.size() == 1) {
    refused_.push_back({expressions[0]->id, error && error->message ? error->message : "refused"});
    return;
  }
  // One of them is too large, or all together are.
  size_t half = expressions.size() / 2;
  compile(expressions.first(half));
  compile(expressions.subspan(half));
}

Prefilter::~Prefilter() = default;
Prefilter::Prefilter(Prefilter&&) noexcept = default;
Prefilter& Prefilter::operator=(Prefilter&&) noexcept = default;

bool Prefilter::empty() const { return impl_->databases.empty(); }
size_t Prefilter::databases() const { return impl_->databases.size(); }

size_t Prefilter::bytes() const {
  size_t sum = 0, one = 0;
  for (const auto& database : impl_->databases) {
    if (hs_database_size(database.get(), &one) == HS_SUCCESS) sum += one;
  }
  return sum;
}

Scratch Prefilter::scratch() const {
  Scratch out;
  for (const auto& database : impl_->databases) {
    auto code = hs_alloc_scratch(database.get(), &out.impl_->scratch);
    ASSERT(code == HS_SUCCESS);  // it fails only when memory is used up
  }
  return out;
}

void Prefilter::scan_with(std::string_view block, Scratch& scratch, Callback found, void* context) const {
  ASSERT(block.size() < (1ull << 32));
  Call call{found, context};
  for (const auto& database : impl_->databases) {
    auto code = hs_scan(database.get(), block.data(), static_cast<unsigned>(block.size()), 0,
                        scratch.impl_->scratch, on_match, &call);
    ASSERT(code == HS_SUCCESS);  // wrong use only
  }
}

}  // namespace waybill::watch
