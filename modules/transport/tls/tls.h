/*
 * What tls.c and crypto.c share: the library as it is on each board, chance, keys and the bytes of arguments.
 * Written for Mbed TLS 2.28 (Debian), 3.6 and 4 (ESP-IDF 6).
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef STATION_TLS_H
#define STATION_TLS_H

#include "xsmc.h"

#include <stdint.h>
#include <string.h>

#if ESP32
	/* The SDK compiles C outside of IDF's build, so IDF's configuration of the library is named here. */
	#define MBEDTLS_CONFIG_FILE "mbedtls/esp_config.h"
	#define TF_PSA_CRYPTO_CONFIG_FILE "mbedtls/esp_crypto_config.h"
#endif

#include <mbedtls/version.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	#include <psa/crypto.h>
#endif

/* A P-256 key as modules/ports/crypto.ts has it: the private number, then (4, x, y). */
#define RAW_KEY_BYTES 32
#define RAW_POINT_BYTES 65

#if MBEDTLS_VERSION_NUMBER < 0x04000000
/* The hardware generator while the radio is on, or the kernel's; Mbed TLS 4 has its own way to them. */
int tls_random(void* context, unsigned char* bytes, size_t count);
#endif

/* Reads a private key: in DER, as the 32 bytes of a P-256 key, or as these with the public point behind them, which
 * saves computing it. 0 or an error of mbedTLS. */
int tls_parse_key(mbedtls_pk_context* key, const uint8_t* bytes, size_t count);

/* Bytes [from, to) of an argument. Valid until the engine allocates. Throws when the range is not inside. */
uint8_t* tls_bytes(xsMachine* the, int index, int from, int to, int isWritten);

#endif
