// What a check knows of float segments and their fingerprints. Private to checker.cc.
#ifndef PENUMBRA_PROTECT_SCHEDULE_CHECKER_FLOATS_H_
#define PENUMBRA_PROTECT_SCHEDULE_CHECKER_FLOATS_H_

#include <vector>

#include "protect/schedule/checker_state.h"

namespace penumbra::protect {

class FloatChecker : protected CheckerState {
 protected:
  FloatChecker(const CompiledPlan& plan, const std::vector<uint32_t>& program, ProgramId id, const std::vector<bool>& is_public)
      : CheckerState(plan, program, id), float_tiles_(plan.float_ports.size()), is_public_(is_public) {}

  // Tiles of a port in order; those of the reply count from 1, which the job sets.
  void StepFloatPort(bool send) {
    const FloatSegmentRec& s = Segment();
    const uint32_t port = Port(s, send);
    const uint32_t tile = Word();
    const uint32_t tensor = plan_.float_ports[port].tensor;
    Require(float_tiles_[port]++ == tile + (send ? 0 : 1), "tiles cross to a float segment out of order");
    if (send) {
      Read(tensor, tile);
      if (HasFingerprints()) Read(plan_.checked_ports[port].fingerprints, tile);
      Claim(AreaIndex(s), true);
      return;
    }
    if (HasFingerprints()) {
      WritePart(tensor, tile, 0, 1, 2);  // the comparison is the other half
      Write(plan_.checked_ports[port].replies, tile);
    } else {
      Write(tensor, tile);
    }
    bool taken_in = true;  // all of the reply: its area may serve others
    for (uint32_t p = s.first_port + s.input_count;
         p < s.first_port + s.input_count + s.output_count; ++p)
      taken_in &= float_tiles_[p] == TileCount(Tensor(plan_.float_ports[p].tensor)) + 1;
    if (taken_in) in_flight_.erase({AreaIndex(s), false});
  }

  void StepFloatJob() {
    const FloatSegmentRec& s = Segment();
    for (uint32_t p = s.first_port; p < s.first_port + s.input_count; ++p)
      Require(float_tiles_[p] == TileCount(Tensor(plan_.float_ports[p].tensor)),
              "a float segment runs before its input is sent");
    for (uint32_t p = s.first_port + s.input_count;
         p < s.first_port + s.input_count + s.output_count; ++p) {
      Require(float_tiles_[p] == 0, "a float segment runs twice");
      float_tiles_[p] = 1;
    }
    Claim(AreaIndex(s), false);
    in_flight_.erase({AreaIndex(s), true});
  }

  void StepCombine() {
    const FloatSegmentRec& s = Segment();
    const uint32_t p = Word();
    Require(HasFingerprints() && p < s.input_count + s.output_count,
            "a combination is out of place");
    const uint32_t port = s.first_port + p;
    const uint32_t tile = Word();
    const uint32_t group = Word();
    const uint32_t groups = GroupCount(plan_, port);
    Require(group < groups, "a group of cornerstones does not exist");
    Read(plan_.checked_ports[port].cornerstones, tile * groups + group);
    WritePart(plan_.checked_ports[port].fingerprints, tile, group, group + 1, groups);
  }

  void StepCompare() {
    const uint32_t port = Port(Segment(), false);
    const uint32_t tile = Word();
    Require(HasFingerprints(), "a comparison is out of place");
    Read(plan_.checked_ports[port].fingerprints, tile);
    Read(plan_.checked_ports[port].replies, tile);
    WritePart(plan_.float_ports[port].tensor, tile, 1, 2, 2);
  }

  void StepEmit() {
    static_cast<void>(Segment());
    static_cast<void>(Word());
    const uint32_t tensor = Word();
    Read(tensor, Word());
    static_cast<void>(Word());
    Require(id_ == ProgramId::kPrepare && Tensor(tensor).kind == TensorKind::kConstant, "an emission is out of place");
  }

  void RequireAllRun() const {
    for (size_t s = 0; s < is_public_.size(); ++s) {
      const FloatSegmentRec& rec = plan_.float_segments[s];
      for (uint32_t p = 0; p < rec.input_count + rec.output_count; ++p) {
        Require(!is_public_[s] || float_tiles_[rec.first_port + p] != 0, "a float segment is never run");
      }
    }
  }

 private:
  bool HasFingerprints() const { return plan_.fingerprint_count != 0; }
  const FloatSegmentRec& Segment() {
    const uint32_t segment = Word();
    Require(segment < plan_.float_segments.size(), "a float segment does not exist");
    Require(is_public_[segment], "a float segment that is inside is named");
    return plan_.float_segments[segment];
  }
  // The next word as a port of the side; its index among all float ports.
  uint32_t Port(const FloatSegmentRec& s, bool is_input) {
    const uint32_t port = Word();
    Require(is_input ? port < s.input_count
                     : port >= s.input_count && port - s.input_count < s.output_count,
            "a port of a float segment does not exist");
    return s.first_port + port;
  }
  uint32_t AreaIndex(const FloatSegmentRec& s) const {
    return static_cast<uint32_t>(plan_.layers.size() + (&s - plan_.float_segments.data()));
  }

  std::vector<uint32_t> float_tiles_;  // of each float port
  const std::vector<bool>& is_public_;  // of each float segment
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_CHECKER_FLOATS_H_
