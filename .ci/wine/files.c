// files.c - what zig asks of files and Wine 8 does not know: a lock that reports where asked, removal and renaming in
// the way of Windows 10, and a file's attributes by its name in an open folder. As x_NAME, which takes the older way.
#include <stddef.h>
#include <stdint.h>

typedef struct Report {
    int32_t status;
    uintptr_t count;
} Report;

typedef struct Name {
    uint32_t size;
    void* folder;
    void* rest[4];
} Name;

typedef struct Basics {
    int64_t times[4];
    uint32_t attributes;
} Basics;

enum { CONFLICT = (int)0xC0000054, NOT_GRANTED = (int)0xC0000055 };
enum { MAY_READ_ATTRIBUTES = 0x100080, SHARED = 7, AT_ONCE = 0x20 };
enum { BASICS = 4, RENAME = 10, REMOVE = 13, REMOVE_EX = 64, RENAME_EX = 65 };

#define SYSTEM __declspec(dllimport)
#define EXPORT __declspec(dllexport)

SYSTEM int NtLockFile(void* file, void* event, void* apc, void* user, Report* report, int64_t* at, int64_t* count,
                      uint32_t* key, uint8_t at_once, uint8_t alone);
SYSTEM int NtUnlockFile(void* file, Report* report, int64_t* at, int64_t* count, uint32_t* key);
SYSTEM int NtQueryAttributesFile(const Name* name, Basics* basics);
SYSTEM int NtOpenFile(void** file, uint32_t access, const Name* name, Report* report, uint32_t share, uint32_t options);
SYSTEM int NtQueryInformationFile(void* file, Report* report, void* data, uint32_t size, uint32_t what);
SYSTEM int NtClose(void* file);
SYSTEM int NtSetInformationFile(void* file, Report* report, void* data, uint32_t size, uint32_t what);

EXPORT int x_NtLockFile(void* file, void* event, void* apc, void* user, Report* report, int64_t* at, int64_t* count,
                        uint32_t* key, uint8_t at_once, uint8_t alone)
{
    (void)apc, (void)key;
    int status = NtLockFile(file, event, NULL, user, NULL, at, count, NULL, at_once, alone);
    return report->status = status == CONFLICT ? NOT_GRANTED : status; // as Windows calls it where nobody waits
}

EXPORT int x_NtUnlockFile(void* file, Report* report, int64_t* at, int64_t* count, uint32_t* key)
{
    (void)key;
    return report->status = NtUnlockFile(file, NULL, at, count, NULL);
}

EXPORT int x_NtQueryAttributesFile(const Name* name, Basics* basics)
{
    Report report;
    void* file;
    if (!name->folder) {
        return NtQueryAttributesFile(name, basics);
    }
    int status = NtOpenFile(&file, MAY_READ_ATTRIBUTES, name, &report, SHARED, AT_ONCE);
    if (status == 0) {
        status = NtQueryInformationFile(file, &report, basics, sizeof(*basics), BASICS);
        NtClose(file);
    }
    return status;
}

EXPORT int x_NtSetInformationFile(void* file, Report* report, void* data, uint32_t size, uint32_t what)
{
    if (what == REMOVE_EX) { // its number's lowest bit says whether, like the byte of the older one
        uint8_t remove = *(const uint8_t*)data & 1;
        return NtSetInformationFile(file, report, &remove, sizeof(remove), REMOVE);
    }
    if (what == RENAME_EX) { // the same structure, which begins with flags instead of a byte
        *(uint32_t*)data &= 1;
        return NtSetInformationFile(file, report, data, size, RENAME);
    }
    return NtSetInformationFile(file, report, data, size, what);
}
