// SPDX-License-Identifier: Apache-2.0
//
// The part of PJRT's C interface (major version 0) that the engine calls, through the table of functions
// that a plugin hands out. Nothing is linked: a plugin is opened at run time.
//
// Every call that can fail returns its error, or NULL; errors are the caller's to destroy.

#ifndef CPJRT_H
#define CPJRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// A plugin's table of functions.
typedef struct pjrt_api pjrt_api;
typedef struct pjrt_error pjrt_error;
typedef struct pjrt_event pjrt_event;
typedef struct pjrt_client pjrt_client;
typedef struct pjrt_device pjrt_device;
typedef struct pjrt_executable pjrt_executable;
typedef struct pjrt_loaded_executable pjrt_loaded_executable;
typedef struct pjrt_buffer pjrt_buffer;

/// A string that the plugin owns and that need not end in a zero.
typedef struct {
  const char *_Nullable bytes;
  size_t count;
} pjrt_string;

/// Element types of buffers, by PJRT's numbers.
typedef enum {
  PJRT_BOOL = 1,
  PJRT_INT32 = 4,
  PJRT_UINT32 = 8,
  PJRT_UINT64 = 9,
  PJRT_FLOAT32 = 11,
  PJRT_FLOAT64 = 12,
  PJRT_BFLOAT16 = 13,
} pjrt_element;

/// An executable as bytes that the plugin owns, until they are destroyed.
typedef struct {
  const char *_Nullable bytes;
  size_t count;
  void *_Nullable owner;
  void (*_Nullable destroy)(void *_Nullable owner);
} pjrt_serialized;

/// Bytes that an executable takes on its device.
typedef struct {
  int64_t code, arguments, outputs, aliases, temporaries;
} pjrt_memory;

/// The table that the function `GetPjrtApi`, as found in the library, returns; NULL where it returns none.
const pjrt_api *_Nullable pjrt_get_api(void *symbol);
/// The version of the interface that a plugin was built with.
void pjrt_version(const pjrt_api *api, int32_t *major, int32_t *minor);
/// The number of the first function that the engine needs and the table lacks; −1 where it lacks none.
int32_t pjrt_missing_function(const pjrt_api *api);
/// Readies the plugin, once for each process.
pjrt_error *_Nullable pjrt_initialize(const pjrt_api *api);

/// The error's words, which live as long as it does.
pjrt_string pjrt_error_message(const pjrt_api *api, pjrt_error *error);
/// The error's code, one of absl's.
int32_t pjrt_error_code(const pjrt_api *api, pjrt_error *error);
void pjrt_error_destroy(const pjrt_api *api, pjrt_error *error);

/// Waits for an event and destroys it.
pjrt_error *_Nullable pjrt_event_finish(const pjrt_api *api, pjrt_event *event);

pjrt_error *_Nullable pjrt_client_create(
    const pjrt_api *api, pjrt_client *_Nullable *_Nonnull client);
void pjrt_client_destroy(const pjrt_api *api, pjrt_client *client);
/// `cpu`, `cuda`, `tpu`, ….
pjrt_error *_Nullable pjrt_client_platform(
    const pjrt_api *api, pjrt_client *client, pjrt_string *name);
pjrt_error *_Nullable pjrt_client_platform_version(
    const pjrt_api *api, pjrt_client *client, pjrt_string *version);
/// The devices that this process may use; the list is the client's.
pjrt_error *_Nullable pjrt_client_devices(
    const pjrt_api *api, pjrt_client *client,
    pjrt_device *_Nonnull const *_Nullable *_Nonnull devices, size_t *count);
/// What kind of device it is: `cpu`, `NVIDIA H100 80GB HBM3`.
pjrt_error *_Nullable pjrt_device_kind(
    const pjrt_api *api, pjrt_device *device, pjrt_string *kind);

/// Compiles a program of textual StableHLO; the options are the bytes of a `CompileOptionsProto`, which
/// must not be empty: plugins end the process over one without a replica.
pjrt_error *_Nullable pjrt_compile(
    const pjrt_api *api, pjrt_client *client, const char *text, size_t text_size,
    const uint8_t *options, size_t options_size,
    pjrt_loaded_executable *_Nullable *_Nonnull executable);
void pjrt_executable_destroy(const pjrt_api *api, pjrt_loaded_executable *executable);
/// The number of a program's outputs.
pjrt_error *_Nullable pjrt_output_count(
    const pjrt_api *api, pjrt_loaded_executable *executable, size_t *count);
/// What the executable takes; an error where the plugin cannot tell.
pjrt_error *_Nullable pjrt_memory_statistics(
    const pjrt_api *api, pjrt_loaded_executable *executable, pjrt_memory *memory);
/// Whether the plugin has the function that `pjrt_memory_statistics` asks.
bool pjrt_tells_memory(const pjrt_api *api);

/// Whether the plugin can write executables as bytes, and read them.
bool pjrt_serializes(const pjrt_api *api);
/// Writes an executable as bytes, for the same plugin on the same kind of device.
pjrt_error *_Nullable pjrt_serialize(
    const pjrt_api *api, pjrt_loaded_executable *executable, pjrt_serialized *serialized);
void pjrt_serialized_destroy(pjrt_serialized *serialized);
/// Reads what `pjrt_serialize` has written: plugins trust the bytes, so the caller has checked them.
pjrt_error *_Nullable pjrt_deserialize(
    const pjrt_api *api, pjrt_client *client, const char *bytes, size_t count,
    pjrt_loaded_executable *_Nullable *_Nonnull executable);

/// Starts a program on its one device; `outputs` has room for all of them.
///
/// Arguments are checked by their number and byte counts only: whoever calls has checked the shapes.
pjrt_error *_Nullable pjrt_execute(
    const pjrt_api *api, pjrt_loaded_executable *executable,
    pjrt_buffer *_Nonnull const *_Nullable arguments, size_t argument_count,
    pjrt_buffer *_Nullable *_Nonnull outputs);

/// Copies dense row-major elements to a device; they may be changed as soon as this returns.
pjrt_error *_Nullable pjrt_buffer_from_host(
    const pjrt_api *api, pjrt_client *client, pjrt_device *device, const void *elements,
    pjrt_element type, const int64_t *_Nullable extents, size_t rank,
    pjrt_buffer *_Nullable *_Nonnull buffer);
/// Copies a buffer's elements to the host, dense and row-major, and waits for them.
pjrt_error *_Nullable pjrt_buffer_to_host(
    const pjrt_api *api, pjrt_buffer *buffer, void *elements, size_t byte_count);
void pjrt_buffer_destroy(const pjrt_api *api, pjrt_buffer *buffer);

#pragma clang assume_nonnull end

#endif
