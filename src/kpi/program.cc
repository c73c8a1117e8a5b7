#include "kpi/program.h"

#include <algorithm>

namespace waybill::kpi {

struct Program::Compiler {
  Program& out;
  std::vector<Condition> conditions{};
  std::vector<TimeRef> refs{};
  std::vector<Error> errors{};

  Slots slots(const FieldRef& ref) {
    Slots all;
    for (const std::string& name : ref.names) {
      auto& fields = out.schema_.fields;
      auto it = std::find(fields.begin(), fields.end(), name);
      if (it == fields.end()) it = fields.insert(fields.end(), name);
      all.push_back(static_cast<uint8_t>(it - fields.begin()));
    }
    return all;
  }

  std::vector<uint8_t> tests(const Where& where) {
    std::vector<uint8_t> all;
    for (const Condition& condition : where) {
      auto it = std::find(conditions.begin(), conditions.end(), condition);
      if (it == conditions.end()) {
        it = conditions.insert(conditions.end(), condition);
        out.tests_.push_back({condition.op, slots(condition.field), condition.values});
      }
      all.push_back(static_cast<uint8_t>(it - conditions.begin()));
    }
    return all;
  }

  uint8_t time(const TimeRef& ref) {
    auto it = std::find(refs.begin(), refs.end(), ref);
    if (it == refs.end()) {
      auto parser = decode::TimeParser::make(ref.format, ref.zone);
      if (!parser) {
        errors.push_back(std::move(parser.error()));
        return 0;
      }
      it = refs.insert(refs.end(), ref);
      out.times_.push_back({slots(ref.field), ref.prefix, ref.field.names.front()});
      out.parsers_.push_back(std::move(*parser));
    }
    return static_cast<uint8_t>(it - refs.begin());
  }

  uint8_t step(const Definition& definition, const std::string& name) {
    const auto& order = definition.steps->order;
    auto it = std::find(order.begin(), order.end(), name);
    if (it != order.end()) return static_cast<uint8_t>(it - order.begin());
    errors.push_back({Errc::kInvalid, "KPI " + definition.name + ": there is no step \"" + name + "\""});
    return 0;
  }

  Measure measure(const Definition& definition, const ValueDef& value) {
    Measure m;
    m.kind = value.kind;
    m.tests = tests(value.where);
    m.number_min = value.number_min;
    m.number_max = value.number_max;
    m.sketch = std::any_of(value.show.begin(), value.show.end(), [](Show s) { return s >= Show::kP50; });
    switch (value.kind) {
      case ValueDef::Kind::kNumber:
        m.number = slots(value.number);
        m.field = value.number.names.front();
        break;
      case ValueDef::Kind::kDuration:
        m.from = time(value.from);
        m.to = time(value.to);
        break;
      case ValueDef::Kind::kBetween:
        m.to = step(definition, value.b);
        [[fallthrough]];
      case ValueDef::Kind::kReached:
      case ValueDef::Kind::kStuck:
        m.from = step(definition, value.a);
        break;
      case ValueDef::Kind::kCount:
      case ValueDef::Kind::kRatio:
        break;
    }
    return m;
  }

  void kpi(Definition definition) {
    Kpi k;
    k.tests = tests(definition.where);
    k.time = time(definition.time);
    for (const Dimension& dimension : definition.by) k.by.push_back(slots(dimension.field));
    if (definition.steps) {
      k.id = slots(definition.steps->id);
      k.step = slots(definition.steps->field);
    }
    for (const ValueDef& value : definition.values) {
      k.measure_of.push_back(-1);
      k.ratio_of.emplace_back(-1, -1);
      if (value.kind == ValueDef::Kind::kRatio) continue;
      k.measure_of.back() = static_cast<int>(k.measures.size());
      if (value.kind >= ValueDef::Kind::kReached) {
        if (!definition.steps) {
          errors.push_back(
              {Errc::kInvalid, "KPI " + definition.name + ": the value " + value.name + " needs steps"});
          continue;
        }
        k.by_step_values = true;
      }
      k.measures.push_back(measure(definition, value));
    }
    for (size_t i = 0; i < definition.values.size(); ++i) {
      if (definition.values[i].kind != ValueDef::Kind::kRatio) continue;
      k.ratio_of[i] = {named(definition, k, definition.values[i].a),
                       named(definition, k, definition.values[i].b)};
    }
    k.definition = std::move(definition);
    out.kpis_.push_back(std::move(k));
  }

  int named(const Definition& definition, const Kpi& k, const std::string& name) {
    for (size_t i = 0; i < definition.values.size(); ++i) {
      if (definition.values[i].name == name && k.measure_of[i] >= 0) return k.measure_of[i];
    }
    errors.push_back({Errc::kInvalid, "KPI " + definition.name + ": a ratio names \"" + name +
                                          "\", which is no value of it that can be divided"});
    return -1;
  }
};

Result<std::shared_ptr<const Program>> Program::compile(std::vector<Definition> definitions) {
  auto program = std::make_shared<Program>();
  Compiler compiler{*program};
  auto limit = [](size_t have, size_t max, const char* what) {
    return fail(Errc::kInvalid, "the KPIs use " + std::to_string(have) + " different " + what + "; " +
                                    std::to_string(max) + " are allowed");
  };
  if (definitions.size() > kKpisMax) return limit(definitions.size(), kKpisMax, "names");
  for (Definition& definition : definitions) compiler.kpi(std::move(definition));
  if (!compiler.errors.empty()) return tl::make_unexpected(std::move(compiler.errors.front()));
  if (program->schema_.fields.size() > decode::kJsonFieldsMax)
    return limit(program->schema_.fields.size(), decode::kJsonFieldsMax, "fields");
  if (program->tests_.size() > kTestsMax) return limit(program->tests_.size(), kTestsMax, "tests of fields");
  if (program->times_.size() > kTimesMax) return limit(program->times_.size(), kTimesMax, "times");
  // Values that `where` asks for tell kinds of lines apart.
  for (const Test& test : program->tests_) {
    if (test.op != Condition::Op::kIs || test.slots.size() != 1) continue;
    for (const std::string& value : test.values) program->schema_.pinned.emplace_back(test.slots[0], value);
  }
  return program;
}

}  // namespace waybill::kpi
