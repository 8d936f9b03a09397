/*
 * Digests, signatures and keys for modules/ports/crypto.ts, by mbedTLS. The script side is crypto.ts beside this file.
 * Owns: nothing between two calls. What a private key leaves here is wiped before a call returns.
 * Written for Mbed TLS 2.28 (Debian), 3.6 and 4 (ESP-IDF 6).
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tls.h"

#if MBEDTLS_VERSION_NUMBER < 0x03000000
	#include <mbedtls/ecp.h>
#endif

#define DIGEST_BYTES_MAX 64
/* The longest DER signature with P-256: two numbers of 33 bytes. */
#define SIGNATURE_BYTES_MAX 72

/* modules/core/der.ts, SignatureKind: the hash in the low bits, and these. */
enum { WITH_RSA = 16, WITH_ECDSA = 32 };

/* The library from 3 on has a state of its own; 0 when it is ready. */
static int begin(void)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return (int)psa_crypto_init();
#else
	return 0;
#endif
}

/* SHA-2 of 256 (1), 384 (2) or 512 bits (3). Returns the length of the digest, 0 for any other number. */
static size_t hash(int which, const uint8_t* bytes, size_t count, uint8_t* digest)
{
	static const mbedtls_md_type_t types[] = { MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512 };
	const mbedtls_md_info_t* info = (which < 1) || (which > 3) ? NULL : mbedtls_md_info_from_type(types[which - 1]);
	return info && !mbedtls_md(info, bytes, count, digest) ? mbedtls_md_get_size(info) : 0;
}

/* True when the signature is that of the key; a key of the other algorithm verifies nothing. */
static int isSigned(int algorithm, mbedtls_pk_context* key, size_t digestBytes, const uint8_t* digest,
	const uint8_t* signature, size_t count)
{
	mbedtls_md_type_t type = digestBytes == 32 ? MBEDTLS_MD_SHA256 : digestBytes == 48 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA512;
#if MBEDTLS_VERSION_NUMBER >= 0x04000000
	mbedtls_pk_sigalg_t wanted = algorithm == WITH_RSA ? MBEDTLS_PK_SIGALG_RSA_PKCS1V15 : MBEDTLS_PK_SIGALG_ECDSA;
	return !mbedtls_pk_verify_ext(wanted, key, type, digest, digestBytes, signature, count);
#else
	return mbedtls_pk_can_do(key, algorithm == WITH_RSA ? MBEDTLS_PK_RSA : MBEDTLS_PK_ECDSA) &&
		!mbedtls_pk_verify(key, type, digest, digestBytes, signature, count);
#endif
}

/* Makes a key; 0 when that worked. */
static int makeKey(uint8_t* private, uint8_t* point)
{
	size_t count = 0;
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	psa_key_attributes_t wish = PSA_KEY_ATTRIBUTES_INIT;
	psa_key_id_t key = 0;
	psa_status_t status = begin();
	psa_set_key_type(&wish, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
	psa_set_key_bits(&wish, RAW_KEY_BYTES * 8);
	psa_set_key_usage_flags(&wish, PSA_KEY_USAGE_EXPORT);
	if (!status)
		status = psa_generate_key(&wish, &key);
	if (!status)
		status = psa_export_public_key(key, point, RAW_POINT_BYTES, &count);
	if (!status)
		status = psa_export_key(key, private, RAW_KEY_BYTES, &count);
	psa_destroy_key(key);
	return (int)status;
#else
	mbedtls_ecp_keypair key;
	int result;
	mbedtls_ecp_keypair_init(&key);
	result = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, &key, tls_random, NULL);
	if (!result)
		result = mbedtls_ecp_point_write_binary(&key.grp, &key.Q, MBEDTLS_ECP_PF_UNCOMPRESSED, &count, point, RAW_POINT_BYTES);
	if (!result)
		result = mbedtls_mpi_write_binary(&key.d, private, RAW_KEY_BYTES);
	mbedtls_ecp_keypair_free(&key);
	return result;
#endif
}

static int sign(mbedtls_pk_context* key, const uint8_t* digest, uint8_t* signature, size_t* count)
{
#if MBEDTLS_VERSION_NUMBER >= 0x04000000
	return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, digest, 32, signature, SIGNATURE_BYTES_MAX, count);
#elif MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, digest, 32, signature, SIGNATURE_BYTES_MAX, count, tls_random, NULL);
#else
	return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, digest, 32, signature, count, tls_random, NULL);
#endif
}

/* --- what crypto.ts calls --- */

static int integer(xsMachine* the, int index)
{
	return xsmcToInteger(xsArg(index));
}

/* crypto_digest(bits, bytes, from, to, digest, at) */
void crypto_digest(xsMachine* the)
{
	int bits = integer(the, 0), from = integer(the, 2), to = integer(the, 3), at = integer(the, 5);
	uint8_t* bytes = tls_bytes(the, 1, from, to, 0);
	uint8_t* digest = tls_bytes(the, 4, at, at + bits / 8, 1);
	if (!hash(bits == 256 ? 1 : bits == 384 ? 2 : bits == 512 ? 3 : 0, bytes, (size_t)(to - from), digest))
		xsUnknownError("no such digest");
}

/* crypto_verify(signatureKind, key, keyFrom, keyTo, data, from, to, signature, signatureFrom, signatureTo): true or false */
void crypto_verify(xsMachine* the)
{
	int kind = integer(the, 0), keyFrom = integer(the, 2), keyTo = integer(the, 3), from = integer(the, 5);
	int to = integer(the, 6), signatureFrom = integer(the, 8), signatureTo = integer(the, 9);
	int algorithm = kind & (WITH_RSA | WITH_ECDSA);
	uint8_t* bytes = tls_bytes(the, 1, keyFrom, keyTo, 0);
	uint8_t* data = tls_bytes(the, 4, from, to, 0);
	uint8_t* signature = tls_bytes(the, 7, signatureFrom, signatureTo, 0);
	uint8_t digest[DIGEST_BYTES_MAX];
	size_t digestBytes = hash(kind - algorithm, data, (size_t)(to - from), digest);
	int isRight = 0;
	if ((digestBytes > 0) && !begin() && ((algorithm == WITH_RSA) || (algorithm == WITH_ECDSA))) {
		mbedtls_pk_context key;
		mbedtls_pk_init(&key);
		isRight = !mbedtls_pk_parse_public_key(&key, bytes, (size_t)(keyTo - keyFrom)) &&
			isSigned(algorithm, &key, digestBytes, digest, signature, (size_t)(signatureTo - signatureFrom));
		mbedtls_pk_free(&key);
	}
	xsmcSetBoolean(xsResult, isRight);
}

/* crypto_make_key(privateKey, privateAt, publicKey, publicAt): false when there was no memory for it */
void crypto_make_key(xsMachine* the)
{
	int privateAt = integer(the, 1), publicAt = integer(the, 3);
	uint8_t* private = tls_bytes(the, 0, privateAt, privateAt + RAW_KEY_BYTES, 1);
	uint8_t* point = tls_bytes(the, 2, publicAt, publicAt + RAW_POINT_BYTES, 1);
	xsmcSetBoolean(xsResult, !makeKey(private, point));
}

/* crypto_sign(privateKey, privateAt, data, from, to, signature, at): the end of the signature, `at` when there was no memory
 * for it. There must be room for 72 bytes. */
void crypto_sign(xsMachine* the)
{
	int privateAt = integer(the, 1), from = integer(the, 3), to = integer(the, 4), at = integer(the, 6);
	uint8_t* private = tls_bytes(the, 0, privateAt, privateAt + RAW_KEY_BYTES + RAW_POINT_BYTES, 0);
	uint8_t* data = tls_bytes(the, 2, from, to, 0);
	uint8_t* signature = tls_bytes(the, 5, at, at + SIGNATURE_BYTES_MAX, 1);
	uint8_t digest[DIGEST_BYTES_MAX];
	mbedtls_pk_context key;
	size_t count = 0;
	mbedtls_pk_init(&key);
	if (begin() || !hash(1, data, (size_t)(to - from), digest) || tls_parse_key(&key, private, RAW_KEY_BYTES + RAW_POINT_BYTES) ||
		sign(&key, digest, signature, &count))
		count = 0;
	mbedtls_pk_free(&key);
	xsmcSetInteger(xsResult, at + (int)count);
}
