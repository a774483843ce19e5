/* Macros for headers that are included from C and from C++. */
#ifndef OD_BASE_API_H
#define OD_BASE_API_H

/* A public header puts its declarations between these two, after its includes. */
#if defined(__cplusplus)
#define OD_BEGIN_DECLS extern "C" {
#define OD_END_DECLS }
#else
#define OD_BEGIN_DECLS
#define OD_END_DECLS
#endif

#if defined(__cplusplus)
#define OD_STATIC_ASSERT static_assert
#else
#define OD_STATIC_ASSERT _Static_assert
#endif

#endif
