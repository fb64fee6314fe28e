/*
 * zitadel_rpc.h
 *		Zitadel's messages, by the calls that they belong to.
 *
 * Pure C: what protoc-c made of zitadel_rpc.proto, found by name.
 */
#ifndef USERLOCK_ZITADEL_RPC_H
#define USERLOCK_ZITADEL_RPC_H

#include <protobuf-c/protobuf-c.h>

/* The request of a call, as the SQL functions name it: "v2/unlock"; NULL: no call. */
extern const ProtobufCMessageDescriptor *userlock_zitadel_request(const char *operation);

/*
 * Its response; also what an error has, which is no call's own: "status" is
 * google.rpc.Status, "error_detail" zitadel.v1.ErrorDetail.
 */
extern const ProtobufCMessageDescriptor *userlock_zitadel_response(const char *operation);

#endif							/* USERLOCK_ZITADEL_RPC_H */
