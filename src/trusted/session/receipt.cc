#include "trusted/session/receipt.h"

#include <cstring>
#include <new>

#include "crypto/cbor.h"
#include "crypto/cose_sign1.h"
#include "trusted/base/result.h"

namespace penumbra::trusted {
namespace {

using crypto::CborType;
using crypto::CborWriter;

void Label(CborWriter* writer, ReceiptField field) {
  writer->Head(CborType::kUnsigned, static_cast<uint32_t>(field));
}

void Put(CborWriter* writer, ReceiptField field, uint64_t value) {
  Label(writer, field);
  writer->Head(CborType::kUnsigned, value);
}

void Put(CborWriter* writer, ReceiptField field, std::span<const uint8_t, 32> value) {
  Label(writer, field);
  writer->ByteString(value);
}

bool IsSoftware(CarrierKind carrier) { return carrier == CarrierKind::kDirect || carrier == CarrierKind::kProcess; }

// A loaded model has passed the first four, or there would be none (load.cc).
void PutChecks(CborWriter* writer, const Loaded& loaded) {
  ReceiptCheck passed[kReceiptCheckCount] = {ReceiptCheck::kVendorSignature, ReceiptCheck::kModelVersion,
                                             ReceiptCheck::kPlanProved, ReceiptCheck::kBoundProved};
  uint32_t count = 4;
  if (loaded.NeedsPads()) passed[count++] = ReceiptCheck::kPads;
  if (loaded.plan.header.soundness_bits != 0) passed[count++] = ReceiptCheck::kReplies;
  Label(writer, ReceiptField::kChecks);
  writer->Head(CborType::kArray, count);
  for (uint32_t i = 0; i < count; ++i) writer->Head(CborType::kUnsigned, static_cast<uint32_t>(passed[i]));
}

void PutPayload(CborWriter* writer, const Loaded& loaded, CarrierKind carrier, const ReceiptFacts& facts) {
  writer->Head(CborType::kMap, kReceiptFieldCount);
  Put(writer, ReceiptField::kVersion, kReceiptVersion);
  Put(writer, ReceiptField::kManifestHash, loaded.manifest.message_hash);
  Put(writer, ReceiptField::kModelVersion, loaded.manifest.head.model_version);
  Put(writer, ReceiptField::kVendorKey, loaded.manifest.vendor_key);
  Put(writer, ReceiptField::kDeviceId, loaded.manifest.device_id);
  Put(writer, ReceiptField::kCarrier, static_cast<uint32_t>(carrier));
  Label(writer, ReceiptField::kSoftwareTee);
  writer->Head(CborType::kSimple, IsSoftware(carrier) ? crypto::kCborTrue : crypto::kCborFalse);
  Put(writer, ReceiptField::kNonce, facts.nonce);
  Put(writer, ReceiptField::kInputHash, facts.input_hash);
  Put(writer, ReceiptField::kOutputHash, facts.output_hash);
  PutChecks(writer, loaded);
  Put(writer, ReceiptField::kSoundnessBits, uint64_t{loaded.plan.header.soundness_bits});
  Put(writer, ReceiptField::kClampedCount, facts.clamped_count);
}

std::span<const uint8_t> TextBytes(const char* text) {
  return {reinterpret_cast<const uint8_t*>(text), std::strlen(text)};
}

}  // namespace

uint64_t PortHashes::SecureSize(const Plan& plan) {
  return AlignUp((plan.inputs.size() + plan.outputs.size()) * sizeof(State), kTileAlignment);
}

Status PortHashes::Place(const Plan& plan, Arena* arena) {
  const uint64_t count = plan.inputs.size() + plan.outputs.size();
  const std::span<uint8_t> bytes = arena->Take(count * sizeof(State));
  PENUMBRA_REQUIRE(bytes.size() == count * sizeof(State), Status::kSecureMemoryExceeded);
  auto* states = reinterpret_cast<State*>(bytes.data());
  for (uint64_t i = 0; i < count; ++i) new (states + i) State;
  inputs_ = {states, plan.inputs.size()};
  outputs_ = {states + plan.inputs.size(), plan.outputs.size()};
  return Status::kOk;
}

void PortHashes::Begin() {
  for (const std::span<State> side : {inputs_, outputs_}) {
    for (State& state : side) {
      state.hash.Reset();
      state.next_tile = 0;
    }
  }
}

void PortHashes::Clear() {
  for (const std::span<State> side : {inputs_, outputs_}) {
    for (State& state : side) state.~State();
    for (State& state : side) new (&state) State;
  }
}

Status PortHashes::Note(const Machine& machine, const Instruction& i) {
  const bool input = i.opcode == Opcode::kInput;
  if (!input && i.opcode != Opcode::kOutput) return Status::kOk;
  const PortRec& port = (input ? machine.plan.inputs : machine.plan.outputs)[i[0]];
  State& state = (input ? inputs_ : outputs_)[i[0]];
  PENUMBRA_REQUIRE(i[1] == state.next_tile, Status::kUnsupported);
  ++state.next_tile;
  return state.hash.Update({machine.Tile(port.tensor, i[1]), TileSize(machine.plan, port.tensor, i[1])});
}

Status PortHashes::Combine(const Plan& plan, std::span<const PortRec> ports, const char (&context)[16],
                           std::span<State> states, std::span<uint8_t, 32> out_hash) {
  ReceiptPortsHead head{};
  std::memcpy(head.context, context, sizeof(head.context));
  head.port_count = static_cast<uint32_t>(ports.size());
  crypto::Sha256 all;
  PENUMBRA_TRY(all.Update({reinterpret_cast<const uint8_t*>(&head), sizeof(head)}));
  for (size_t i = 0; i < ports.size(); ++i) {
    PENUMBRA_REQUIRE(states[i].next_tile == TileCount(plan.tensors[ports[i].tensor]), Status::kUnsupported);
    const uint64_t elem_count = ports[i].elem_count;
    uint8_t digest[crypto::kSha256Size];
    PENUMBRA_TRY(states[i].hash.Final(digest));
    PENUMBRA_TRY(all.Update({reinterpret_cast<const uint8_t*>(&elem_count), sizeof(elem_count)}));
    PENUMBRA_TRY(all.Update(digest));
  }
  return all.Final(out_hash);
}

Status PortHashes::Finish(const Plan& plan, std::span<uint8_t, 32> out_inputs, std::span<uint8_t, 32> out_outputs) {
  PENUMBRA_TRY(Combine(plan, plan.inputs, kReceiptInputs, inputs_, out_inputs));
  return Combine(plan, plan.outputs, kReceiptOutputs, outputs_, out_outputs);
}

Status WriteReceipt(const Loaded& loaded, const Port& port, const ReceiptFacts& facts,
                    std::span<uint8_t, kMaxReceiptSize> out_message, uint64_t* out_size) {
  uint8_t payload_buffer[kMaxReceiptSize], scratch[2 * kMaxReceiptSize];
  CborWriter writer(payload_buffer);
  PutPayload(&writer, loaded, port.carrier, facts);
  const std::span<const uint8_t> payload = std::span(payload_buffer).first(writer.size());
  const uint64_t size = crypto::CoseSign1Size(payload.size());
  PENUMBRA_REQUIRE(writer.ok() && size <= out_message.size(), Status::kInternal);
  Secret<32> device_key, signing_key;
  PENUMBRA_TRY(port.device_key(port.context, device_key.mutable_bytes().data()));
  PENUMBRA_TRY(crypto::DeriveKey(device_key.bytes(), TextBytes(kReceiptKeyContext), signing_key.mutable_bytes()));
  PENUMBRA_TRY(crypto::EncodeCoseSign1(signing_key.bytes(), TextBytes(kReceiptContext), payload, scratch,
                                       out_message.first(size)));
  *out_size = size;
  return Status::kOk;
}

}  // namespace penumbra::trusted
