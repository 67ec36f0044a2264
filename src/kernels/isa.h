// Included by the *_loops.cc files, which are compiled once per instruction set with PENUMBRA_ISA
// naming the namespace. Such files call no inline function of another header: the linker could pick
// the copy made for a richer instruction set and run it everywhere.
#ifndef PENUMBRA_KERNELS_ISA_H_
#define PENUMBRA_KERNELS_ISA_H_

#ifndef PENUMBRA_ISA
#error "compile with -DPENUMBRA_ISA=<namespace>"
#endif

// A function of one lane that must disappear into the loop around it.
#define PENUMBRA_LANE static inline __attribute__((always_inline))

// The iterations of the next loop are independent even where input and output are the same array.
#if defined(__clang__)
#define PENUMBRA_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define PENUMBRA_INDEPENDENT _Pragma("GCC ivdep")
#endif

#endif  // PENUMBRA_KERNELS_ISA_H_
