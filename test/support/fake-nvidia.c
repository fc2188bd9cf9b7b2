/* NVML and the CUDA driver of a machine that is not there. What they answer is in the file STATE: lines of name and number. */
#include <stdio.h>
#include <string.h>

typedef unsigned long long word;

static word state(const char *name, word otherwise) {
  FILE *file = fopen(STATE, "r");
  char found[64];
  word value, result = otherwise;
  if (file == NULL) return otherwise;
  while (fscanf(file, "%63s %llu", found, &value) == 2)
    if (strcmp(found, name) == 0) result = value;
  fclose(file);
  return result;
}

#define FAULT(name)                       \
  {                                       \
    int code = (int)state(name, 0);       \
    if (code != 0) return code;           \
  }

static int count = 0;

static void noteCount(void) {
  FILE *file = fopen(STATE ".count", "w");
  fprintf(file, "%d", count);
  fclose(file);
}

int nvmlInit_v2(void) {
  FAULT("nvmlInit_v2");
  count++;
  noteCount();
  return 0;
}

int nvmlShutdown(void) {
  count--;
  noteCount();
  return 0;
}

const char *nvmlErrorString(int code) { return code == 9 ? "Driver Not Loaded" : "Unknown Error"; }

int nvmlSystemGetDriverVersion(char *text, unsigned length) {
  snprintf(text, length, "570.86.15");
  return 0;
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) {
  *version = 12080;
  return 0;
}

int nvmlDeviceGetCount_v2(unsigned *devices) {
  *devices = 2;
  return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, word *device) {
  *device = 100 + index;
  return 0;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, word *device) {
  *device = 100 + (uuid[5] == '1');
  return 0;
}

int nvmlDeviceGetName(word device, char *text, unsigned length) {
  snprintf(text, length, "Imaginary %llu", device);
  return 0;
}

int nvmlDeviceGetUUID(word device, char *text, unsigned length) {
  snprintf(text, length, device == 101 ? "GPU-01020304-0506-0708-090a-0b0c0d0e0f10" : "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f");
  return 0;
}

int nvmlDeviceGetMemoryInfo(word device, word *memory) {
  FAULT("nvmlDeviceGetMemoryInfo");
  memory[0] = device == 101 ? 8ull << 30 : 80ull << 30;
  memory[2] = device == 101 ? state("used", 0) : 0;
  memory[1] = memory[0] - memory[2];
  return 0;
}

int nvmlDeviceGetUtilizationRates(word device, unsigned *rates) {
  FAULT("nvmlDeviceGetUtilizationRates");
  rates[0] = device == 101 ? 25 : 0;
  rates[1] = 0;
  return 0;
}

int cuInit(unsigned flags) {
  FAULT("cuInit");
  return flags;
}

int cuDeviceGetCount(int *devices) {
  *devices = VISIBLE;
  return 0;
}

/* CUDA's order is not NVML's. */
int cuDeviceGet(int *device, int ordinal) {
  *device = 1 - ordinal;
  return 0;
}

int cuDeviceGetUuid_v2(unsigned char *uuid, int device) {
  for (int i = 0; i < 16; i++) uuid[i] = i + device;
  return 0;
}
