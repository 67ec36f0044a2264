// Marks what the shared library offers; everything else stays hidden in it.
#ifndef PENUMBRA_EXPORT_H_
#define PENUMBRA_EXPORT_H_

#define PENUMBRA_API __attribute__((visibility("default")))

#endif  // PENUMBRA_EXPORT_H_
