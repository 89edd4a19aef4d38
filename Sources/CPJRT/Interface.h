// SPDX-License-Identifier: Apache-2.0
//
// PJRT's binary interface: the numbers of its functions, and the structs of their arguments. Each struct
// begins with its own size; plugins take one that is longer than they know, and reject a shorter one.

#ifndef CPJRT_INTERFACE_H
#define CPJRT_INTERFACE_H

#include "include/CPJRT.h"

/// What every struct of arguments begins with.
#define PJRT_HEADER size_t struct_size; void *extension_start

/// Numbers of functions in the table.
enum {
  PJRT_ERROR_DESTROY = 0,
  PJRT_ERROR_MESSAGE = 1,
  PJRT_ERROR_GET_CODE = 2,
  PJRT_PLUGIN_INITIALIZE = 3,
  PJRT_EVENT_DESTROY = 5,
  PJRT_EVENT_AWAIT = 8,
  PJRT_CLIENT_CREATE = 10,
  PJRT_CLIENT_DESTROY = 11,
  PJRT_CLIENT_PLATFORM_NAME = 12,
  PJRT_CLIENT_PLATFORM_VERSION = 14,
  PJRT_CLIENT_ADDRESSABLE_DEVICES = 16,
  PJRT_CLIENT_COMPILE = 20,
  PJRT_CLIENT_BUFFER_FROM_HOST_BUFFER = 22,
  PJRT_DEVICE_DESCRIPTION_KIND = 26,
  PJRT_DEVICE_GET_DESCRIPTION = 29,
  PJRT_EXECUTABLE_DESTROY = 40,
  PJRT_EXECUTABLE_NUM_OUTPUTS = 44,
  PJRT_EXECUTABLE_SERIALIZE = 49,
  PJRT_LOADED_EXECUTABLE_DESTROY = 50,
  PJRT_LOADED_EXECUTABLE_GET_EXECUTABLE = 51,
  PJRT_LOADED_EXECUTABLE_EXECUTE = 55,
  PJRT_EXECUTABLE_DESERIALIZE_AND_LOAD = 56,
  PJRT_BUFFER_DESTROY = 58,
  PJRT_BUFFER_TO_HOST_BUFFER = 70,
  PJRT_EXECUTABLE_GET_COMPILED_MEMORY_STATS = 96,
};

typedef struct {
  PJRT_HEADER;
  int32_t major, minor;
} pjrt_version_struct;

struct pjrt_api {
  PJRT_HEADER;
  pjrt_version_struct version;
  void *functions[];
};

/// One object: to destroy, to wait for.
typedef struct {
  PJRT_HEADER;
  void *object;
} pjrt_object_args;

/// One object, and a pointer that comes back.
typedef struct {
  PJRT_HEADER;
  void *object;
  void *result;
} pjrt_pointer_args;

/// One object, and a list that comes back.
typedef struct {
  PJRT_HEADER;
  void *object;
  void *elements;
  size_t count;
} pjrt_list_args;

/// One object, and a number that comes back.
typedef struct {
  PJRT_HEADER;
  void *object;
  size_t count;
} pjrt_count_args;

typedef struct {
  PJRT_HEADER;
  void *error;
  int32_t code;
} pjrt_code_args;

typedef struct {
  PJRT_HEADER;
} pjrt_empty_args;

typedef struct {
  PJRT_HEADER;
  const void *options;
  size_t option_count;
  void *get_callback, *get_argument, *put_callback, *put_argument;
  pjrt_client *client;
  void *try_get_callback, *try_get_argument;
} pjrt_client_create_args;

typedef struct {
  PJRT_HEADER;
  const char *code;
  size_t code_size;
  const char *format;
  size_t format_size;
} pjrt_program;

typedef struct {
  PJRT_HEADER;
  pjrt_client *client;
  const pjrt_program *program;
  const uint8_t *options;
  size_t options_size;
  pjrt_loaded_executable *executable;
} pjrt_compile_args;

typedef struct {
  PJRT_HEADER;
  const pjrt_executable *executable;
  const char *bytes;
  size_t count;
  void *owner;
  void (*destroy)(void *owner);
} pjrt_serialize_args;

typedef struct {
  PJRT_HEADER;
  pjrt_client *client;
  const char *bytes;
  size_t count;
  pjrt_loaded_executable *executable;
  const uint8_t *options;
  size_t options_size;
} pjrt_deserialize_args;

typedef struct {
  PJRT_HEADER;
  pjrt_client *client;
  const void *data;
  int32_t type;
  const int64_t *dims;
  size_t num_dims;
  const int64_t *byte_strides;
  size_t num_byte_strides;
  int32_t host_buffer_semantics;
  pjrt_device *device;
  void *memory, *device_layout;
  pjrt_event *done_with_host_buffer;
  pjrt_buffer *buffer;
} pjrt_from_host_args;

typedef struct {
  PJRT_HEADER;
  void *send_callbacks, *receive_callbacks;
  size_t send_count, receive_count;
  int32_t launch_id;
  const int64_t *non_donatable_inputs;
  size_t non_donatable_count;
  void *context;
  const char *call_location;
  size_t task_count;
  void *task_ids, *incarnation_ids;
} pjrt_execute_options;

typedef struct {
  PJRT_HEADER;
  pjrt_loaded_executable *executable;
  pjrt_execute_options *options;
  pjrt_buffer *const *const *argument_lists;
  size_t device_count, argument_count;
  pjrt_buffer **const *output_lists;
  pjrt_event **device_complete_events;
  pjrt_device *execute_device;
} pjrt_execute_args;

typedef struct {
  PJRT_HEADER;
  pjrt_buffer *source;
  void *host_layout;
  void *destination;
  size_t destination_size;
  pjrt_event *event;
} pjrt_to_host_args;

typedef struct {
  PJRT_HEADER;
  pjrt_executable *executable;
  int64_t code, arguments, outputs, aliases, temporaries;
  int64_t host_code, host_arguments, host_outputs, host_aliases, host_temporaries;
  int64_t later[5];
} pjrt_memory_args;

_Static_assert(sizeof(void *) == 8, "the layouts are those of 64-bit systems");
_Static_assert(offsetof(struct pjrt_api, functions) == 40, "the table of functions");
_Static_assert(sizeof(pjrt_object_args) == 24, "PJRT_Event_Await_Args");
_Static_assert(sizeof(pjrt_pointer_args) == 32, "PJRT_Device_GetDescription_Args");
_Static_assert(sizeof(pjrt_list_args) == 40, "PJRT_Client_AddressableDevices_Args");
_Static_assert(sizeof(pjrt_count_args) == 32, "PJRT_Executable_NumOutputs_Args");
_Static_assert(sizeof(pjrt_client_create_args) == 88, "PJRT_Client_Create_Args");
_Static_assert(sizeof(pjrt_program) == 48, "PJRT_Program");
_Static_assert(sizeof(pjrt_compile_args) == 56, "PJRT_Client_Compile_Args");
_Static_assert(sizeof(pjrt_serialize_args) == 56, "PJRT_Executable_Serialize_Args");
_Static_assert(sizeof(pjrt_deserialize_args) == 64, "PJRT_Executable_DeserializeAndLoad_Args");
_Static_assert(sizeof(pjrt_from_host_args) == 120, "PJRT_Client_BufferFromHostBuffer_Args");
_Static_assert(sizeof(pjrt_execute_options) == 112, "PJRT_ExecuteOptions");
_Static_assert(sizeof(pjrt_execute_args) == 80, "PJRT_LoadedExecutable_Execute_Args");
_Static_assert(sizeof(pjrt_to_host_args) == 56, "PJRT_Buffer_ToHostBuffer_Args");

#endif
