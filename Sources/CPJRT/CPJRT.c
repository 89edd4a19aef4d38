// SPDX-License-Identifier: Apache-2.0

#include "Interface.h"

/// Bytes of zeros behind each struct of arguments, for fields that a newer plugin knows.
enum { LATER_FIELDS = 64 };

/// Arguments of a type, all zero, that say they are longer than they are.
#define ARGUMENTS(type, name)                           \
  union {                                               \
    type args;                                          \
    char bytes[sizeof(type) + LATER_FIELDS];            \
  } name##_room = {.bytes = {0}};                       \
  type *name = &name##_room.args;                       \
  name->struct_size = sizeof(name##_room)

static void *call(const pjrt_api *api, int number, void *arguments) {
  typedef void *(*function)(void *);
  return ((function)api->functions[number])(arguments);
}

static void call_without_result(const pjrt_api *api, int number, void *arguments) {
  typedef void (*function)(void *);
  ((function)api->functions[number])(arguments);
}

static bool has(const pjrt_api *api, int number) {
  size_t end = offsetof(struct pjrt_api, functions) + sizeof(void *) * ((size_t)number + 1);
  return end <= api->struct_size && api->functions[number] != NULL;
}

static void destroy(const pjrt_api *api, int number, void *object) {
  ARGUMENTS(pjrt_object_args, args);
  args->object = object;
  pjrt_error *error = call(api, number, args);
  if (error) pjrt_error_destroy(api, error);
}

// MARK: The plugin

const pjrt_api *pjrt_get_api(void *symbol) {
  typedef const pjrt_api *(*function)(void);
  return ((function)symbol)();
}

void pjrt_version(const pjrt_api *api, int32_t *major, int32_t *minor) {
  *major = api->version.major;
  *minor = api->version.minor;
}

int32_t pjrt_missing_function(const pjrt_api *api) {
  static const int needed[] = {
    PJRT_ERROR_DESTROY, PJRT_ERROR_MESSAGE, PJRT_ERROR_GET_CODE, PJRT_PLUGIN_INITIALIZE,
    PJRT_EVENT_DESTROY, PJRT_EVENT_AWAIT, PJRT_CLIENT_CREATE, PJRT_CLIENT_DESTROY,
    PJRT_CLIENT_PLATFORM_NAME, PJRT_CLIENT_PLATFORM_VERSION, PJRT_CLIENT_ADDRESSABLE_DEVICES,
    PJRT_CLIENT_COMPILE, PJRT_CLIENT_BUFFER_FROM_HOST_BUFFER, PJRT_DEVICE_DESCRIPTION_KIND,
    PJRT_DEVICE_GET_DESCRIPTION, PJRT_EXECUTABLE_DESTROY, PJRT_EXECUTABLE_NUM_OUTPUTS,
    PJRT_LOADED_EXECUTABLE_DESTROY, PJRT_LOADED_EXECUTABLE_GET_EXECUTABLE,
    PJRT_LOADED_EXECUTABLE_EXECUTE, PJRT_BUFFER_DESTROY, PJRT_BUFFER_TO_HOST_BUFFER,
  };
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
    if (!has(api, needed[i])) return needed[i];
  }
  return -1;
}

pjrt_error *pjrt_initialize(const pjrt_api *api) {
  ARGUMENTS(pjrt_empty_args, args);
  return call(api, PJRT_PLUGIN_INITIALIZE, args);
}

// MARK: Errors and events

pjrt_string pjrt_error_message(const pjrt_api *api, pjrt_error *error) {
  ARGUMENTS(pjrt_list_args, args);
  args->object = error;
  call_without_result(api, PJRT_ERROR_MESSAGE, args);
  return (pjrt_string){args->elements, args->count};
}

int32_t pjrt_error_code(const pjrt_api *api, pjrt_error *error) {
  ARGUMENTS(pjrt_code_args, args);
  args->error = error;
  pjrt_error *other = call(api, PJRT_ERROR_GET_CODE, args);
  if (other) pjrt_error_destroy(api, other);
  return args->code;
}

void pjrt_error_destroy(const pjrt_api *api, pjrt_error *error) {
  ARGUMENTS(pjrt_object_args, args);
  args->object = error;
  call_without_result(api, PJRT_ERROR_DESTROY, args);
}

pjrt_error *pjrt_event_finish(const pjrt_api *api, pjrt_event *event) {
  ARGUMENTS(pjrt_object_args, args);
  args->object = event;
  pjrt_error *error = call(api, PJRT_EVENT_AWAIT, args);
  destroy(api, PJRT_EVENT_DESTROY, event);
  return error;
}

// MARK: Client and devices

pjrt_error *pjrt_client_create(const pjrt_api *api, pjrt_client **client) {
  ARGUMENTS(pjrt_client_create_args, args);
  pjrt_error *error = call(api, PJRT_CLIENT_CREATE, args);
  *client = args->client;
  return error;
}

void pjrt_client_destroy(const pjrt_api *api, pjrt_client *client) {
  destroy(api, PJRT_CLIENT_DESTROY, client);
}

/// A string of an object.
static pjrt_error *string_of(const pjrt_api *api, int number, void *object, pjrt_string *string) {
  ARGUMENTS(pjrt_list_args, args);
  args->object = object;
  pjrt_error *error = call(api, number, args);
  *string = (pjrt_string){args->elements, args->count};
  return error;
}

pjrt_error *pjrt_client_platform(const pjrt_api *api, pjrt_client *client, pjrt_string *name) {
  return string_of(api, PJRT_CLIENT_PLATFORM_NAME, client, name);
}

pjrt_error *pjrt_client_platform_version(
    const pjrt_api *api, pjrt_client *client, pjrt_string *version) {
  return string_of(api, PJRT_CLIENT_PLATFORM_VERSION, client, version);
}

pjrt_error *pjrt_client_devices(
    const pjrt_api *api, pjrt_client *client, pjrt_device *const **devices, size_t *count) {
  ARGUMENTS(pjrt_list_args, args);
  args->object = client;
  pjrt_error *error = call(api, PJRT_CLIENT_ADDRESSABLE_DEVICES, args);
  *devices = args->elements;
  *count = args->count;
  return error;
}

pjrt_error *pjrt_device_kind(const pjrt_api *api, pjrt_device *device, pjrt_string *kind) {
  ARGUMENTS(pjrt_pointer_args, args);
  args->object = device;
  pjrt_error *error = call(api, PJRT_DEVICE_GET_DESCRIPTION, args);
  if (error) return error;
  return string_of(api, PJRT_DEVICE_DESCRIPTION_KIND, args->result, kind);
}

// MARK: Executables

pjrt_error *pjrt_compile(
    const pjrt_api *api, pjrt_client *client, const char *text, size_t text_size,
    const uint8_t *options, size_t options_size, pjrt_loaded_executable **executable) {
  static const char format[] = "mlir";
  ARGUMENTS(pjrt_program, program);
  program->struct_size = sizeof(pjrt_program);
  program->code = text;
  program->code_size = text_size;
  program->format = format;
  program->format_size = sizeof format - 1;
  ARGUMENTS(pjrt_compile_args, args);
  args->client = client;
  args->program = program;
  args->options = options;
  args->options_size = options_size;
  pjrt_error *error = call(api, PJRT_CLIENT_COMPILE, args);
  *executable = args->executable;
  return error;
}

void pjrt_executable_destroy(const pjrt_api *api, pjrt_loaded_executable *executable) {
  destroy(api, PJRT_LOADED_EXECUTABLE_DESTROY, executable);
}

/// What is loaded, which the caller destroys.
static pjrt_error *executable_of(
    const pjrt_api *api, pjrt_loaded_executable *loaded, void **executable) {
  ARGUMENTS(pjrt_pointer_args, args);
  args->object = loaded;
  pjrt_error *error = call(api, PJRT_LOADED_EXECUTABLE_GET_EXECUTABLE, args);
  *executable = args->result;
  return error;
}

pjrt_error *pjrt_output_count(
    const pjrt_api *api, pjrt_loaded_executable *loaded, size_t *count) {
  ARGUMENTS(pjrt_count_args, args);
  pjrt_error *error = executable_of(api, loaded, &args->object);
  if (error) return error;
  error = call(api, PJRT_EXECUTABLE_NUM_OUTPUTS, args);
  *count = args->count;
  destroy(api, PJRT_EXECUTABLE_DESTROY, args->object);
  return error;
}

bool pjrt_tells_memory(const pjrt_api *api) {
  return has(api, PJRT_EXECUTABLE_GET_COMPILED_MEMORY_STATS);
}

pjrt_error *pjrt_memory_statistics(
    const pjrt_api *api, pjrt_loaded_executable *loaded, pjrt_memory *memory) {
  ARGUMENTS(pjrt_memory_args, args);
  void *executable = NULL;
  pjrt_error *error = executable_of(api, loaded, &executable);
  if (error) return error;
  args->executable = executable;
  error = call(api, PJRT_EXECUTABLE_GET_COMPILED_MEMORY_STATS, args);
  *memory = (pjrt_memory){
    args->code, args->arguments, args->outputs, args->aliases, args->temporaries};
  destroy(api, PJRT_EXECUTABLE_DESTROY, executable);
  return error;
}

bool pjrt_serializes(const pjrt_api *api) {
  return has(api, PJRT_EXECUTABLE_SERIALIZE) && has(api, PJRT_EXECUTABLE_DESERIALIZE_AND_LOAD);
}

pjrt_error *pjrt_serialize(
    const pjrt_api *api, pjrt_loaded_executable *loaded, pjrt_serialized *serialized) {
  ARGUMENTS(pjrt_serialize_args, args);
  void *executable = NULL;
  pjrt_error *error = executable_of(api, loaded, &executable);
  if (error) return error;
  args->executable = executable;
  error = call(api, PJRT_EXECUTABLE_SERIALIZE, args);
  *serialized = (pjrt_serialized){args->bytes, args->count, args->owner, args->destroy};
  destroy(api, PJRT_EXECUTABLE_DESTROY, executable);
  return error;
}

void pjrt_serialized_destroy(pjrt_serialized *serialized) {
  if (serialized->destroy) serialized->destroy(serialized->owner);
  *serialized = (pjrt_serialized){0};
}

pjrt_error *pjrt_deserialize(
    const pjrt_api *api, pjrt_client *client, const char *bytes, size_t count,
    pjrt_loaded_executable **executable) {
  ARGUMENTS(pjrt_deserialize_args, args);
  args->client = client;
  args->bytes = bytes;
  args->count = count;
  pjrt_error *error = call(api, PJRT_EXECUTABLE_DESERIALIZE_AND_LOAD, args);
  *executable = args->executable;
  return error;
}

pjrt_error *pjrt_execute(
    const pjrt_api *api, pjrt_loaded_executable *executable, pjrt_buffer *const *arguments,
    size_t argument_count, pjrt_buffer **outputs) {
  ARGUMENTS(pjrt_execute_options, options);
  ARGUMENTS(pjrt_execute_args, args);
  args->executable = executable;
  args->options = options;
  args->argument_lists = &arguments;
  args->device_count = 1;
  args->argument_count = argument_count;
  args->output_lists = &outputs;
  return call(api, PJRT_LOADED_EXECUTABLE_EXECUTE, args);
}

// MARK: Buffers

pjrt_error *pjrt_buffer_from_host(
    const pjrt_api *api, pjrt_client *client, pjrt_device *device, const void *elements,
    pjrt_element type, const int64_t *extents, size_t rank, pjrt_buffer **buffer) {
  enum { IMMUTABLE_ONLY_DURING_CALL = 0 };
  ARGUMENTS(pjrt_from_host_args, args);
  args->client = client;
  args->data = elements;
  args->type = type;
  args->dims = extents;
  args->num_dims = rank;
  args->host_buffer_semantics = IMMUTABLE_ONLY_DURING_CALL;
  args->device = device;
  pjrt_error *error = call(api, PJRT_CLIENT_BUFFER_FROM_HOST_BUFFER, args);
  if (error) return error;
  *buffer = args->buffer;
  if (args->done_with_host_buffer) error = pjrt_event_finish(api, args->done_with_host_buffer);
  if (error && args->buffer) {
    pjrt_buffer_destroy(api, args->buffer);
    *buffer = NULL;
  }
  return error;
}

pjrt_error *pjrt_buffer_to_host(
    const pjrt_api *api, pjrt_buffer *buffer, void *elements, size_t byte_count) {
  ARGUMENTS(pjrt_to_host_args, args);
  args->source = buffer;
  args->destination = elements;
  args->destination_size = byte_count;
  pjrt_error *error = call(api, PJRT_BUFFER_TO_HOST_BUFFER, args);
  if (error) return error;
  return args->event ? pjrt_event_finish(api, args->event) : NULL;
}

void pjrt_buffer_destroy(const pjrt_api *api, pjrt_buffer *buffer) {
  destroy(api, PJRT_BUFFER_DESTROY, buffer);
}
