/*
 * TLS 1.2 as a filter: bytes from the wire in, bytes for the wire out, plain bytes in and out. No socket, no clock and no
 * call that waits is in here. The script side is tls.ts beside this file; docs/tls.md says what is checked and why.
 * Owns: the mbedTLS contexts of at most CONNECTIONS_MAX connections, and one session for the next handshake.
 * Written for Mbed TLS 2.28 (Debian), 3.6 and 4 (ESP-IDF 6).
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tls.h"

#include <math.h>

#include <mbedtls/asn1.h>
#include <mbedtls/platform.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/x509_crt.h>

#if ESP32
	#include "esp_heap_caps.h"
	#include "esp_random.h"
#else
	#include <sys/random.h>
#endif

#ifndef MBEDTLS_PRIVATE
	#define MBEDTLS_PRIVATE(member) member
#endif
#ifdef MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION
	#define ERR_VERSION MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION
#else
	#define ERR_VERSION MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION
#endif
#ifdef MBEDTLS_ERR_SSL_BAD_CERTIFICATE
	#define ERR_CERTIFICATE MBEDTLS_ERR_SSL_BAD_CERTIFICATE
#else
	#define ERR_CERTIFICATE MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE
#endif
#if defined(MBEDTLS_SSL_IN_CONTENT_LEN)
	#define INPUT_BYTES MBEDTLS_SSL_IN_CONTENT_LEN
#else
	#define INPUT_BYTES 16384
#endif
#if defined(MBEDTLS_SSL_OUT_CONTENT_LEN) && (MBEDTLS_SSL_OUT_CONTENT_LEN < 2048)
	#define OUTPUT_BYTES MBEDTLS_SSL_OUT_CONTENT_LEN
#else
	/* No record of ours is longer, whatever the library could do. */
	#define OUTPUT_BYTES 2048
#endif

/* The connection to the CSMS, and an upload beside it. */
#define CONNECTIONS_MAX 2
/* What a suite with GCM adds to the plain bytes of a record: explicit nonce and tag. */
#define RECORD_OVERHEAD 24
#define RECORD_HEADER 5
#define HASH_BYTES 32
/* Of the exponent of an RSA key; nearly all have 65,537. With one as long as its modulus, which nobody needs, a single signature keeps
 * a chip busy for a minute, and to ask for it a certificate needs no signature that is right. As in modules/core/der.ts. */
#define EXPONENT_BYTES_MAX 5

/* modules/ports/events.ts, SocketError */
enum {
	CLOSED = 1, UNKNOWN_CA = 16, EXPIRED, NOT_YET_VALID, WRONG_NAME, BAD_CERTIFICATE, TLS_VERSION, TLS_CIPHER,
	RECORD_TOO_LARGE, TLS_MEMORY, CLIENT_REFUSED, TLS_FAILED
};

/* Content types of a record (RFC 5246 §6.2.1). */
enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };

/* tls_add: what the bytes are. */
enum { ROOT = 0, CHAIN = 1, KEY = 2 };

/* tls_state: what is asked. */
enum { WANTED = 0, AVAILABLE = 1, ROOM = 2, NOT_BEFORE = 3, NOT_AFTER = 4, FRAGMENT = 5, RESUMED = 6 };

/* The way through the server's certificates to their public keys. */
typedef struct {
	/* Bytes that are left of the message and of the certificate, and how many of them do not count. */
	uint32_t messageLeft;
	uint32_t certificateLeft;
	uint32_t skip;
	/* Of a header or a length: its bytes that were seen, what they say, and for DER those that are to come. */
	uint8_t count;
	uint32_t value;
	uint8_t lengthLeft;
	uint8_t isTagged;
	uint8_t place;
	/* It is the message of certificates; its first length was read. */
	uint8_t isChain;
	uint8_t isListed;
	/* What follows is encrypted. */
	uint8_t isOver;
} Walk;

typedef struct {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	mbedtls_x509_crt roots;
	mbedtls_x509_crt chain;
	mbedtls_pk_context key;
	/* Over everything that decides whether an earlier session may be taken up again. */
	mbedtls_md_context_t hash;
	uint8_t digest[HASH_BYTES];
	char* host;
	/* A root, a certificate or a key while its pieces come. */
	uint8_t* item;
	size_t itemBytes;
	size_t itemAt;
	/* Wire bytes of the call at hand. */
	const uint8_t* in;
	size_t inCount;
	uint8_t* out;
	size_t outCount;
	size_t outRoom;
	/* Wire bytes that mbedTLS waits for. */
	size_t wanted;
	/* Plain bytes in a record that the wire has not taken whole. */
	size_t pending;
	/* Longest record that is taken, in plain bytes. */
	size_t inputMax;
	/* The record that comes in. */
	uint8_t head[RECORD_HEADER];
	uint8_t headCount;
	uint8_t alert[2];
	uint8_t alertCount;
	size_t bodyLeft;
	/* The server's hello: the next field, its bytes that are still to come, and what they are so far. */
	uint8_t helloField;
	uint16_t helloLeft;
	uint16_t helloValue;
	/* Bytes of the message that are left. */
	uint16_t helloEnd;
	Walk walk;
	double utcMs;
	double floorMs;
	double notBeforeMs;
	double notAfterMs;
	unsigned failuresBefore;
	uint32_t badFlags;
	/* SocketError, once there is one. */
	uint8_t error;
	/* What is wrong with the server's certificates. */
	uint8_t verdict;
	uint8_t wasVerified;
	uint8_t wasOffered;
	/* The certificates of this handshake are being looked at: dates are theirs from now on, not those of the session. */
	uint8_t isJudging;
	uint8_t isOpen;
	uint8_t isStalled;
	/* A message of the server's handshake has come. */
	uint8_t hasGreeted;
	/* It agrees to the fragment; until then, how many plain bytes that is. */
	uint8_t hasAgreed;
	uint16_t fragmentBytes;
} Tls;

static Tls* connections[CONNECTIONS_MAX];
/* A failed allocation inside a signature check looks like a wrong signature: this tells them apart. */
static unsigned allocationFailures = 0;

/* The last session, for a handshake without keys and certificates (RFC 5246 §7.3, RFC 5077). */
static struct {
	mbedtls_ssl_session session;
	uint8_t digest[HASH_BYTES];
	double notBeforeMs;
	double notAfterMs;
	int isThere;
} saved;

static const int suites[] = {
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, 0
};

/* For whoever supplies the allocator. */
void tls_allocation_failed(void)
{
	allocationFailures++;
}

#if ESP32
static void allocationFailed(size_t bytes, uint32_t capabilities, const char* function)
{
	allocationFailures++;
}
#endif

#if MBEDTLS_VERSION_NUMBER < 0x04000000
int tls_random(void* context, unsigned char* bytes, size_t count)
{
#if ESP32
	esp_fill_random(bytes, count);
#else
	while (count > 0) {
		ssize_t got = getrandom(bytes, count, 0);
		if (got <= 0)
			return -1;
		bytes += got;
		count -= (size_t)got;
	}
#endif
	return 0;
}
#endif

static int parseDer(mbedtls_pk_context* key, const uint8_t* bytes, size_t count)
{
#if (MBEDTLS_VERSION_NUMBER >= 0x03000000) && (MBEDTLS_VERSION_NUMBER < 0x04000000)
	return mbedtls_pk_parse_key(key, bytes, count, NULL, 0, tls_random, NULL);
#else
	return mbedtls_pk_parse_key(key, bytes, count, NULL, 0);
#endif
}

int tls_parse_key(mbedtls_pk_context* key, const uint8_t* bytes, size_t count)
{
	/* An ECPrivateKey (RFC 5915): version, number, curve, point. */
	static const uint8_t version[] = { 0x02, 0x01, 0x01, 0x04, RAW_KEY_BYTES };
	static const uint8_t curve[] = { 0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	static const uint8_t point[] = { 0xa1, 0x44, 0x03, 0x42, 0x00 };
	uint8_t der[2 + sizeof(version) + RAW_KEY_BYTES + sizeof(curve) + sizeof(point) + RAW_POINT_BYTES];
	uint8_t* at = der + 2;
	int result;
	if ((count != RAW_KEY_BYTES) && (count != RAW_KEY_BYTES + RAW_POINT_BYTES))
		return parseDer(key, bytes, count);
	memcpy(at, version, sizeof(version));
	memcpy(at += sizeof(version), bytes, RAW_KEY_BYTES);
	memcpy(at += RAW_KEY_BYTES, curve, sizeof(curve));
	at += sizeof(curve);
	if (count > RAW_KEY_BYTES) {
		memcpy(at, point, sizeof(point));
		memcpy(at += sizeof(point), bytes + RAW_KEY_BYTES, RAW_POINT_BYTES);
		at += RAW_POINT_BYTES;
	}
	der[0] = 0x30;
	der[1] = (uint8_t)(at - der - 2);
	result = parseDer(key, der, (size_t)(at - der));
	mbedtls_platform_zeroize(der, sizeof(der));
	return result;
}

/* --- the wire --- */

/* Reads the server's hello for max_fragment_length: mbedTLS takes the answer without telling it (RFC 5246 §7.4.1.3). */
static void inspectHello(Tls* t, uint8_t byte)
{
	enum { HEADER = 0, FRONT, SESSION_LENGTH, SESSION, EXTENSIONS, TYPE, LENGTH, CONTENT, DONE };
	uint16_t value = t->helloValue = (uint16_t)((t->helloValue << 8) | byte);
	if ((t->helloField > HEADER) && (t->helloEnd-- == 0))
		t->helloField = DONE;
	if ((t->helloField == DONE) || (--t->helloLeft > 0))
		return;
	switch (t->helloField++) {
	case HEADER:
		t->helloEnd = value;
		t->helloLeft = 34; /* version and random */
		break;
	case FRONT:
		t->helloLeft = 1;
		break;
	case SESSION_LENGTH:
		t->helloLeft = byte + 3u; /* with suite and compression */
		break;
	case TYPE:
		t->hasAgreed |= value == 1;
		t->helloLeft = 2;
		break;
	case LENGTH:
		if (value > 0) {
			t->helloLeft = value;
			break;
		}
		/* FALLTHROUGH */
	case CONTENT:
		t->helloField = TYPE;
		/* FALLTHROUGH */
	default:
		t->helloLeft = 2;
		break;
	}
}

/* Goes through the server's certificates (RFC 5246 §7.4.2, RFC 5280 §4.1): true where an exponent of RSA begins that is too long. The
 * library checks signatures in the call that reads the certificates, so this is the last moment. What has another form
 * than that of a certificate is none to the library either. */
static int hasLongExponent(Walk* w, uint8_t byte)
{
	enum { CERTIFICATE = 0, BODY, VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, KEY_INFO, KEY_ALGORITHM, BITS, KEY, MODULUS,
		EXPONENT, DONE };
	static const uint16_t entered = (1 << CERTIFICATE) | (1 << BODY) | (1 << KEY_INFO) | (1 << BITS) | (1 << KEY);
	if (w->isOver)
		return 0;
	if (w->messageLeft == 0) {
		w->value = (w->value << 8) | byte;
		if (++w->count < 4)
			return 0;
		w->messageLeft = w->value & 0xffffff;
		w->isChain = w->value >> 24 == 11;
		w->certificateLeft = w->value = w->count = w->isListed = 0;
		return 0;
	}
	if (--w->messageLeft == 0)
		w->count = w->value = 0;
	if (!w->isChain)
		return 0;
	if (w->certificateLeft == 0) {
		/* The length of all, then of each. */
		if (w->messageLeft == 0)
			return 0;
		w->value = (w->value << 8) | byte;
		if (++w->count < 3)
			return 0;
		w->certificateLeft = w->isListed ? w->value & 0xffffff : 0;
		w->isListed = 1;
		w->value = w->skip = w->count = w->lengthLeft = w->isTagged = w->place = 0;
		return 0;
	}
	w->certificateLeft--;
	if (w->skip > 0) {
		w->skip--;
		return 0;
	}
	if (w->place == DONE)
		return 0;
	if (!w->isTagged) {
		w->isTagged = 1;
		if ((w->place == VERSION) && (byte != (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED)))
			w->place = SERIAL;
		/* A point of EC begins otherwise. */
		if ((w->place == KEY) && (byte != (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)))
			w->place = DONE;
		return 0;
	}
	if (w->lengthLeft > 0) {
		w->value = (w->value << 8) | byte;
		w->lengthLeft--;
	}
	else {
		w->value = byte < 0x80 ? byte : 0;
		w->lengthLeft = byte < 0x80 ? 0 : byte & 0x7f;
	}
	if (w->lengthLeft > 0)
		return 0;
	w->isTagged = 0;
	if ((w->place == EXPONENT) && (w->value > EXPONENT_BYTES_MAX))
		return 1;
	/* The bits begin with a byte that counts the unused ones. */
	w->skip = w->place == BITS ? 1 : entered & (1 << w->place) ? 0 : w->value;
	w->value = 0;
	w->place++;
	return 0;
}

/* Looks at bytes of records as they pass: their length, and what an alert in the clear says. */
static int inspect(Tls* t, const uint8_t* bytes, size_t count)
{
	while (count > 0) {
		if (t->bodyLeft > 0) {
			size_t n = count < t->bodyLeft ? count : t->bodyLeft;
			for (size_t i = 0; (i < n) && (t->alertCount < sizeof(t->alert)); i++)
				t->alert[t->alertCount++] = bytes[i];
			for (size_t i = 0; (i < n) && (t->head[0] == HANDSHAKE) && !t->isOpen; i++) {
				inspectHello(t, bytes[i]);
				if (hasLongExponent(&t->walk, bytes[i]))
					return BAD_CERTIFICATE;
			}
			t->bodyLeft -= n;
			bytes += n;
			count -= n;
			continue;
		}
		t->head[t->headCount++] = *bytes++;
		count--;
		if (t->headCount < RECORD_HEADER)
			continue;
		t->headCount = 0;
		t->bodyLeft = ((size_t)t->head[3] << 8) | t->head[4];
		/* Only what has the form of a record is told to be too long; mbedTLS refuses the rest. */
		if ((t->head[0] >= CHANGE_CIPHER_SPEC) && (t->head[0] <= APPLICATION_DATA) && (t->head[1] == 3) &&
			(t->bodyLeft > t->inputMax + RECORD_OVERHEAD))
			return RECORD_TOO_LARGE;
		/* Nobody has a reason to change keys and identity in the middle. */
		if (t->isOpen && ((t->head[0] == HANDSHAKE) || (t->head[0] == CHANGE_CIPHER_SPEC)))
			return TLS_FAILED;
		t->hasGreeted |= t->head[0] == HANDSHAKE;
		t->walk.isOver |= t->head[0] == CHANGE_CIPHER_SPEC;
		t->alertCount = ((t->head[0] == ALERT) && (t->bodyLeft == sizeof(t->alert))) ? 0 : sizeof(t->alert);
	}
	return 0;
}

static int receiveBytes(void* context, unsigned char* bytes, size_t count)
{
	Tls* t = context;
	size_t n = count < t->inCount ? count : t->inCount;
	t->wanted = count - n;
	if (n == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	t->error = (uint8_t)inspect(t, t->in, n);
	if (t->error)
		return MBEDTLS_ERR_SSL_INVALID_RECORD;
	memcpy(bytes, t->in, n);
	t->in += n;
	t->inCount -= n;
	return (int)n;
}

static int sendBytes(void* context, const unsigned char* bytes, size_t count)
{
	Tls* t = context;
	size_t room = t->outRoom - t->outCount;
	size_t n = count < room ? count : room;
	t->isStalled = n == 0;
	if (n == 0)
		return MBEDTLS_ERR_SSL_WANT_WRITE;
	memcpy(t->out + t->outCount, bytes, n);
	t->outCount += n;
	return (int)n;
}

/* --- whom to talk to: docs/decisions/0010 and 0011 --- */

static double msOf(const mbedtls_x509_time* time)
{
	/* Days since 1970-01-01 of the proleptic Gregorian calendar. */
	int year = time->mon <= 2 ? time->year - 1 : time->year;
	int month = time->mon <= 2 ? time->mon + 9 : time->mon - 3;
	int era = year / 400;
	int yearOfEra = year - era * 400;
	int dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + (153 * month + 2) / 5 + time->day - 1;
	double days = (double)era * 146097 + dayOfEra - 719468;
	return (((days * 24 + time->hour) * 60 + time->min) * 60 + time->sec) * 1000;
}

static int lower(int letter)
{
	return (letter >= 'A') && (letter <= 'Z') ? letter + 32 : letter;
}

static int equalsHost(const uint8_t* text, size_t count, const char* host)
{
	if (count != strlen(host))
		return 0;
	for (size_t i = 0; i < count; i++) {
		/* A star, a zero or anything beyond ASCII is in no name of a host. */
		if ((text[i] <= '*') || (text[i] >= 0x7f) || (lower(text[i]) != lower((uint8_t)host[i])))
			return 0;
	}
	return 1;
}

/* Dotted decimals as four bytes, or groups as sixteen; returns how many, 0 when the host is no address. */
static size_t addressOf(const char* host, uint8_t* address)
{
	size_t at = 0, gap = 17;
	int base = strchr(host, ':') ? 16 : 10;
	size_t whole = base == 16 ? 16 : 4;
	if ((host[0] == ':') && (*++host != ':'))
		return 0;
	for (;;) {
		int value = 0, digits = 0;
		if ((base == 16) && (*host == ':') && (gap > 16)) {
			gap = at;
			host++;
			if (!*host)
				break;
		}
		for (;; digits++, host++) {
			int c = lower((uint8_t)*host);
			int digit = (c >= '0') && (c <= '9') ? c - '0' : (c >= 'a') && (c <= 'f') ? c - 'a' + 10 : 16;
			if (digit >= base)
				break;
			value = value * base + digit;
			if (value > (base == 16 ? 0xffff : 0xff))
				return 0;
		}
		if ((digits == 0) || (digits > (base == 16 ? 4 : 3)) || (at >= whole))
			return 0;
		if (base == 16)
			address[at++] = (uint8_t)(value >> 8);
		address[at++] = (uint8_t)value;
		if (!*host)
			break;
		if (*host++ != (base == 16 ? ':' : '.'))
			return 0;
	}
	if (gap <= 16) {
		if (at >= whole)
			return 0;
		memmove(address + whole - (at - gap), address + gap, at - gap);
		memset(address + gap, 0, whole - at);
		at = whole;
	}
	return at == whole ? whole : 0;
}

/* A common name, a DNS name or an address that equals the host; as namesHost() of modules/core/der.ts. */
static int namesHost(const mbedtls_x509_crt* crt, const char* host)
{
	static const uint8_t commonName[] = { 0x55, 0x04, 0x03 };
	static const uint8_t alternativeName[] = { 0x55, 0x1d, 0x11 };
	const mbedtls_x509_name* last = NULL;
	uint8_t address[16];
	size_t addressBytes = addressOf(host, address), length;
	unsigned char* at = crt->v3_ext.p;
	unsigned char* end = at ? at + crt->v3_ext.len : NULL;
	for (const mbedtls_x509_name* name = &crt->subject; name; name = name->next)
		if ((name->oid.len == sizeof(commonName)) && !memcmp(name->oid.p, commonName, sizeof(commonName)))
			last = name;
	if (last && equalsHost(last->val.p, last->val.len, host))
		return 1;
	if (!at || mbedtls_asn1_get_tag(&at, end, &length, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE))
		return 0;
	while (at < end) {
		unsigned char* next;
		int isNames;
		if (mbedtls_asn1_get_tag(&at, end, &length, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE))
			return 0;
		next = at + length;
		if (mbedtls_asn1_get_tag(&at, next, &length, MBEDTLS_ASN1_OID))
			return 0;
		isNames = (length == sizeof(alternativeName)) && !memcmp(at, alternativeName, sizeof(alternativeName));
		at += length;
		if (isNames) {
			int isCritical;
			mbedtls_asn1_get_bool(&at, next, &isCritical);
			if (mbedtls_asn1_get_tag(&at, next, &length, MBEDTLS_ASN1_OCTET_STRING) ||
				mbedtls_asn1_get_tag(&at, next, &length, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE))
				return 0;
			while (at < next) {
				unsigned char tag = *at++;
				if (mbedtls_asn1_get_len(&at, next, &length))
					return 0;
				if ((tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2)) && equalsHost(at, length, host))
					return 1;
				if ((tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7)) && (addressBytes > 0) && (length == addressBytes) &&
					!memcmp(at, address, length))
					return 1;
				at += length;
			}
		}
		at = next;
	}
	return 0;
}

/* Called for each certificate of the chain, the root first and the server's own last. The library's clock and its rules
 * for names do not count; what it found of signatures does. */
static int verify(void* context, mbedtls_x509_crt* crt, int depth, uint32_t* flags)
{
	Tls* t = context;
	double notBeforeMs = msOf(&crt->valid_from), notAfterMs = msOf(&crt->valid_to);
	*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE | MBEDTLS_X509_BADCERT_CN_MISMATCH);
	t->badFlags |= *flags;
	if (!t->isJudging)
		t->notBeforeMs = t->notAfterMs = NAN;
	t->isJudging = 1;
	if (!(t->notBeforeMs >= notBeforeMs))
		t->notBeforeMs = notBeforeMs;
	if (!(t->notAfterMs <= notAfterMs))
		t->notAfterMs = notAfterMs;
	if (depth > 0)
		return 0;
	t->wasVerified = 1;
	t->verdict = 0;
	if (t->badFlags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
		t->verdict = UNKNOWN_CA;
	else if (t->notAfterMs < (isnan(t->utcMs) ? t->floorMs : t->utcMs)) {
		t->verdict = EXPIRED;
		*flags |= MBEDTLS_X509_BADCERT_EXPIRED;
	}
	else if (t->notBeforeMs > t->utcMs) {
		t->verdict = NOT_YET_VALID;
		*flags |= MBEDTLS_X509_BADCERT_FUTURE;
	}
	else if (!namesHost(crt, t->host)) {
		t->verdict = WRONG_NAME;
		*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	}
	else if (t->badFlags)
		t->verdict = BAD_CERTIFICATE;
	return 0;
}

/* What an alert in the clear means for the station (RFC 5246 §7.2). */
static int alertError(const Tls* t)
{
	switch (t->alert[1]) {
	case 40: /* handshake_failure */
		/* A server that has chosen misses our certificate; one that chose an old version has no suite for it. */
		return t->hasGreeted ? CLIENT_REFUSED : t->head[2] < 3 ? TLS_VERSION : TLS_CIPHER;
	case 71: /* insufficient_security */
		return TLS_CIPHER;
	case 70: /* protocol_version */
		return TLS_VERSION;
	case 42: case 43: case 44: case 45: case 46: case 48: case 49: case 116: /* certificate, access */
		return CLIENT_REFUSED;
	default:
		return TLS_FAILED;
	}
}

/* SocketError of an error of mbedTLS. */
static int errorOf(Tls* t, int result)
{
	if (t->error)
		return t->error;
	if (allocationFailures != t->failuresBefore)
		return TLS_MEMORY;
	if ((result == MBEDTLS_ERR_SSL_ALLOC_FAILED) || (result == MBEDTLS_ERR_X509_ALLOC_FAILED))
		return TLS_MEMORY;
	if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		return CLOSED;
	if (result == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
		return t->isOpen ? TLS_FAILED : alertError(t);
	if (result == ERR_VERSION)
		return TLS_VERSION;
	/* The message of a handshake does not fit into a record, or not into the buffer. */
	if (!t->isOpen && ((result == MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE) || (result == MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL)))
		return RECORD_TOO_LARGE;
	if (result == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
		return t->verdict ? t->verdict : BAD_CERTIFICATE;
	if ((result == ERR_CERTIFICATE) || ((result <= -0x2080) && (result >= -0x3000)))
		return t->verdict ? t->verdict : BAD_CERTIFICATE;
	return TLS_FAILED;
}

/* --- one connection --- */

static void dropSaved(void)
{
	if (saved.isThere)
		mbedtls_ssl_session_free(&saved.session);
	saved.isThere = 0;
}

static void dispose(Tls* t)
{
	mbedtls_ssl_free(&t->ssl);
	mbedtls_ssl_config_free(&t->conf);
	mbedtls_x509_crt_free(&t->roots);
	mbedtls_x509_crt_free(&t->chain);
	mbedtls_pk_free(&t->key);
	mbedtls_md_free(&t->hash);
	if (t->item) {
		mbedtls_platform_zeroize(t->item, t->itemBytes);
		mbedtls_free(t->item);
	}
	mbedtls_free(t->host);
	mbedtls_platform_zeroize(t, sizeof(Tls));
	mbedtls_free(t);
}

static int fragmentCode(size_t bytes)
{
	switch (bytes) {
	case 512: return MBEDTLS_SSL_MAX_FRAG_LEN_512;
	case 1024: return MBEDTLS_SSL_MAX_FRAG_LEN_1024;
	case 2048: return MBEDTLS_SSL_MAX_FRAG_LEN_2048;
	case 4096: return MBEDTLS_SSL_MAX_FRAG_LEN_4096;
	default: return MBEDTLS_SSL_MAX_FRAG_LEN_NONE;
	}
}

static int configure(Tls* t, size_t fragmentBytes)
{
	mbedtls_ssl_config* conf = &t->conf;
	int result = mbedtls_ssl_config_defaults(conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
	if (result)
		return result;
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
#else
	mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_max_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
#if MBEDTLS_VERSION_NUMBER < 0x04000000
	mbedtls_ssl_conf_rng(conf, tls_random, NULL);
#endif
	mbedtls_ssl_conf_ciphersuites(conf, suites);
	mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_verify(conf, verify, t);
	mbedtls_ssl_conf_ca_chain(conf, &t->roots, NULL);
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
#if defined(MBEDTLS_SSL_MAX_FRAGMENT_LENGTH)
	/* The library offers nothing that is longer than its shorter buffer: then there is no offer. */
	if (mbedtls_ssl_conf_max_frag_len(conf, (unsigned char)fragmentCode(fragmentBytes)))
		return mbedtls_ssl_conf_max_frag_len(conf, MBEDTLS_SSL_MAX_FRAG_LEN_NONE);
#endif
	return 0;
}

/* The item is whole. */
static int take(Tls* t, int kind)
{
	if (kind == ROOT)
		return mbedtls_x509_crt_parse_der(&t->roots, t->item, t->itemBytes);
	if (kind == CHAIN)
		return mbedtls_x509_crt_parse_der(&t->chain, t->item, t->itemBytes);
	return tls_parse_key(&t->key, t->item, t->itemBytes);
}

/* The saved session may be used: same host, roots and identity, and its certificates are valid at this time. */
static int maySave(const Tls* t)
{
	if (!saved.isThere || memcmp(saved.digest, t->digest, HASH_BYTES))
		return 0;
	if (isnan(t->utcMs))
		return saved.notAfterMs >= t->floorMs;
	return (saved.notBeforeMs <= t->utcMs) && (t->utcMs <= saved.notAfterMs);
}

static int start(Tls* t)
{
	uint8_t address[16];
	int result = mbedtls_md_finish(&t->hash, t->digest);
	if (result)
		return result;
	if (t->chain.raw.p && ((result = mbedtls_ssl_conf_own_cert(&t->conf, &t->chain, &t->key))))
		return result;
	if ((result = mbedtls_ssl_setup(&t->ssl, &t->conf)))
		return result;
	/* Addresses are not sent as names (RFC 6066 §3). */
	if ((result = mbedtls_ssl_set_hostname(&t->ssl, addressOf(t->host, address) ? NULL : t->host)))
		return result;
	mbedtls_ssl_set_bio(&t->ssl, t, sendBytes, receiveBytes, NULL);
	if (maySave(t)) {
		if ((result = mbedtls_ssl_set_session(&t->ssl, &saved.session)))
			return result;
		/* Another connection may save its own until this one stands. */
		t->notBeforeMs = saved.notBeforeMs;
		t->notAfterMs = saved.notAfterMs;
		t->wasOffered = 1;
	}
	return 0;
}

/* The handshake is done: what only it needed is given back. */
static void opened(Tls* t)
{
	t->isOpen = 1;
	if (t->hasAgreed && (t->inputMax > t->fragmentBytes))
		t->inputMax = t->fragmentBytes;
	mbedtls_ssl_conf_ca_chain(&t->conf, NULL, NULL);
	mbedtls_x509_crt_free(&t->roots);
	mbedtls_x509_crt_free(&t->chain);
	mbedtls_pk_free(&t->key);
#if defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
	{
		mbedtls_ssl_session* session = t->ssl.MBEDTLS_PRIVATE(session);
		mbedtls_x509_crt* peer = session ? session->MBEDTLS_PRIVATE(peer_cert) : NULL;
		if (peer) {
			mbedtls_x509_crt_free(peer);
			mbedtls_free(peer);
			session->MBEDTLS_PRIVATE(peer_cert) = NULL;
		}
	}
#endif
	dropSaved();
	mbedtls_ssl_session_init(&saved.session);
	if (mbedtls_ssl_get_session(&t->ssl, &saved.session)) {
		/* Without it the next handshake is a whole one. */
		mbedtls_ssl_session_free(&saved.session);
		t->failuresBefore = allocationFailures;
		return;
	}
	memcpy(saved.digest, t->digest, HASH_BYTES);
	saved.notBeforeMs = t->notBeforeMs;
	saved.notAfterMs = t->notAfterMs;
	saved.isThere = 1;
}

/* Goes on until bytes or room are missing; 0 or an error of mbedTLS. */
static int advance(Tls* t)
{
	static const unsigned char nothing[1];
	unsigned char none[1];
	int result;
	if (t->pending > 0) {
		/* The record is made already: only its length is asked for once more. */
		result = mbedtls_ssl_write(&t->ssl, nothing, t->pending);
		if (result < 0)
			return result;
		t->pending = 0;
	}
	if (!t->isOpen) {
		result = mbedtls_ssl_handshake(&t->ssl);
		if (result)
			return result;
		opened(t);
	}
	if (mbedtls_ssl_get_bytes_avail(&t->ssl) > 0)
		return 0;
	return mbedtls_ssl_read(&t->ssl, none, 0);
}

/* Plain bytes that may be made into a record now. */
static size_t roomOf(Tls* t)
{
	int most;
	if (!t->isOpen || t->error || t->isStalled || (t->pending > 0))
		return 0;
	most = mbedtls_ssl_get_max_out_record_payload(&t->ssl);
	return most < 0 ? 0 : most < OUTPUT_BYTES ? (size_t)most : OUTPUT_BYTES;
}

static void fail(Tls* t, int error)
{
	t->error = (uint8_t)error;
	if (t->wasOffered && !t->isOpen)
		dropSaved();
}

/* --- what tls.ts calls --- */

static Tls* connectionOf(xsMachine* the)
{
	int handle = xsmcToInteger(xsArg(0));
	if ((handle < 1) || (handle > CONNECTIONS_MAX) || !connections[handle - 1])
		xsUnknownError("no TLS connection");
	return connections[handle - 1];
}

uint8_t* tls_bytes(xsMachine* the, int index, int from, int to, int isWritten)
{
	void* data;
	xsUnsignedValue length;
	if (isWritten)
		xsmcGetBufferWritable(xsArg(index), &data, &length);
	else
		xsmcGetBufferReadable(xsArg(index), &data, &length);
	if ((from < 0) || (to < from) || ((xsUnsignedValue)to > length))
		xsRangeError("range");
	return (uint8_t*)data + from;
}

/* tls_open(host, port, utcMs, floorMs, inputMax, fragmentBytes): a handle from 1, or a SocketError below 0. */
void tls_open(xsMachine* the)
{
	char host[256];
	int place = 0, port = xsmcToInteger(xsArg(1)), inputMax = xsmcToInteger(xsArg(4)), fragmentBytes = xsmcToInteger(xsArg(5));
	double utcMs = xsmcToNumber(xsArg(2)), floorMs = xsmcToNumber(xsArg(3));
	/* Port and fragment: a session keeps its fragment (RFC 6066 §4). */
	uint8_t terms[] = { (uint8_t)(port >> 8), (uint8_t)port, (uint8_t)(fragmentBytes >> 8) };
	Tls* t;
	xsmcToStringBuffer(xsArg(0), host, sizeof(host));
	xsmcSetInteger(xsResult, -TLS_MEMORY);
	while ((place < CONNECTIONS_MAX) && connections[place])
		place++;
	if (place == CONNECTIONS_MAX)
		return;
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	if (psa_crypto_init())
		return;
#endif
#if ESP32
	heap_caps_register_failed_alloc_callback(allocationFailed);
#endif
	t = mbedtls_calloc(1, sizeof(Tls));
	if (!t)
		return;
	mbedtls_ssl_init(&t->ssl);
	mbedtls_ssl_config_init(&t->conf);
	mbedtls_x509_crt_init(&t->roots);
	mbedtls_x509_crt_init(&t->chain);
	mbedtls_pk_init(&t->key);
	mbedtls_md_init(&t->hash);
	t->failuresBefore = allocationFailures;
	t->inputMax = (inputMax > 0) && (inputMax < INPUT_BYTES) ? (size_t)inputMax : INPUT_BYTES;
	t->fragmentBytes = (uint16_t)fragmentBytes;
	t->helloLeft = 4;
	t->utcMs = utcMs;
	t->floorMs = floorMs;
	t->notBeforeMs = t->notAfterMs = NAN;
	t->host = mbedtls_calloc(1, strlen(host) + 1);
	if (t->host)
		strcpy(t->host, host);
	if (!t->host || configure(t, (size_t)fragmentBytes) ||
		mbedtls_md_setup(&t->hash, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 0) || mbedtls_md_starts(&t->hash) ||
		mbedtls_md_update(&t->hash, terms, sizeof(terms)) ||
		mbedtls_md_update(&t->hash, (const unsigned char*)host, strlen(host) + 1)) {
		dispose(t);
		return;
	}
	connections[place] = t;
	xsmcSetInteger(xsResult, place + 1);
}

/* tls_add(handle, kind, bytes, count, left): a piece of a root (0), of a certificate of the station, its own first (1), or
 * of its key (2), in DER or as the 32 bytes of a P-256 key; `left` more bytes of it follow. 0 or a SocketError below 0. */
void tls_add(xsMachine* the)
{
	Tls* t = connectionOf(the);
	int kind = xsmcToInteger(xsArg(1)), count = xsmcToInteger(xsArg(3)), left = xsmcToInteger(xsArg(4)), result = 0;
	uint8_t* bytes = tls_bytes(the, 2, 0, count, 0);
	if (left < 0)
		xsRangeError("range");
	if (!t->item) {
		t->itemBytes = (size_t)count + (size_t)left;
		t->itemAt = 0;
		t->item = mbedtls_calloc(1, t->itemBytes ? t->itemBytes : 1);
		if (!t->item) {
			xsmcSetInteger(xsResult, -TLS_MEMORY);
			return;
		}
	}
	if (t->itemAt + (size_t)count + (size_t)left != t->itemBytes)
		xsRangeError("range");
	memcpy(t->item + t->itemAt, bytes, (size_t)count);
	t->itemAt += (size_t)count;
	if (left == 0) {
		uint8_t tag = (uint8_t)kind;
		result = mbedtls_md_update(&t->hash, &tag, 1);
		if (!result)
			result = mbedtls_md_update(&t->hash, t->item, t->itemBytes);
		if (!result)
			result = take(t, kind);
		mbedtls_platform_zeroize(t->item, t->itemBytes);
		mbedtls_free(t->item);
		t->item = NULL;
	}
	xsmcSetInteger(xsResult, result ? -errorOf(t, result) : 0);
}

/* tls_start(handle): the handshake may begin. 0 or a SocketError below 0. */
void tls_start(xsMachine* the)
{
	Tls* t = connectionOf(the);
	int result = start(t);
	if (result && (errorOf(t, result) == TLS_FAILED))
		/* All that is left is memory that a lower part of the library did not get. */
		result = MBEDTLS_ERR_SSL_ALLOC_FAILED;
	xsmcSetInteger(xsResult, result ? -errorOf(t, result) : 0);
}

/* tls_run(handle, wire, count, room): wire[0, count) has come, no more than tls_state(handle, WANTED); then wire[0, room) may
 * be filled with what is to be sent. Returns how much that is, or a SocketError below 0, at last the same each time. */
void tls_run(xsMachine* the)
{
	Tls* t = connectionOf(the);
	int count = xsmcToInteger(xsArg(2)), room = xsmcToInteger(xsArg(3)), result;
	t->in = tls_bytes(the, 1, 0, count, 0);
	t->out = tls_bytes(the, 1, 0, room, 1);
	t->inCount = (size_t)count;
	t->outRoom = (size_t)room;
	t->outCount = 0;
	if (!t->error) {
		t->failuresBefore = allocationFailures;
		result = advance(t);
		if ((result == MBEDTLS_ERR_SSL_WANT_READ) || (result == MBEDTLS_ERR_SSL_WANT_WRITE) || (result >= 0))
			result = 0;
		if (result)
			fail(t, errorOf(t, result));
	}
	/* An alert of ours goes out before the error is told. */
	xsmcSetInteger(xsResult, t->outCount > 0 ? (int)t->outCount : -t->error);
	t->inCount = t->outRoom = t->outCount = 0;
}

/* tls_state(handle, what): a number, see WANTED and the others. */
void tls_state(xsMachine* the)
{
	Tls* t = connectionOf(the);
	int isIdle = !t->error && !t->isStalled && (t->pending == 0);
	size_t available = t->isOpen && !t->error ? mbedtls_ssl_get_bytes_avail(&t->ssl) : 0;
	size_t value = 0;
	switch (xsmcToInteger(xsArg(1))) {
	case WANTED:
		value = isIdle && (available == 0) ? t->wanted : 0;
		break;
	case AVAILABLE:
		value = available;
		break;
	case ROOM:
		value = roomOf(t);
		break;
	case NOT_BEFORE:
		xsmcSetNumber(xsResult, t->notBeforeMs);
		return;
	case NOT_AFTER:
		xsmcSetNumber(xsResult, t->notAfterMs);
		return;
	case FRAGMENT:
		value = t->inputMax;
		break;
	case RESUMED:
		value = t->isOpen && !t->wasVerified;
		break;
	}
	xsmcSetInteger(xsResult, (int)value);
}

/* tls_read(handle, bytes, from, to): plain bytes that are there. */
void tls_read(xsMachine* the)
{
	Tls* t = connectionOf(the);
	int from = xsmcToInteger(xsArg(2)), to = xsmcToInteger(xsArg(3)), result = 0;
	uint8_t* bytes = tls_bytes(the, 1, from, to, 1);
	if ((to > from) && t->isOpen && !t->error && (mbedtls_ssl_get_bytes_avail(&t->ssl) > 0))
		result = mbedtls_ssl_read(&t->ssl, bytes, (size_t)(to - from));
	xsmcSetInteger(xsResult, result > 0 ? result : 0);
}

/* tls_write(handle, bytes, from, to): makes a record of plain bytes, no more than tls_state(handle, ROOM); tls_run hands it
 * out. 0 or a SocketError below 0. */
void tls_write(xsMachine* the)
{
	Tls* t = connectionOf(the);
	int from = xsmcToInteger(xsArg(2)), to = xsmcToInteger(xsArg(3)), result;
	uint8_t* bytes = tls_bytes(the, 1, from, to, 0);
	xsmcSetInteger(xsResult, 0);
	if (to == from)
		return;
	/* The library would take a part of more, and not tell. */
	if ((size_t)(to - from) > roomOf(t))
		xsRangeError("more than writable");
	t->failuresBefore = allocationFailures;
	result = mbedtls_ssl_write(&t->ssl, bytes, (size_t)(to - from));
	if (result == MBEDTLS_ERR_SSL_WANT_WRITE)
		t->pending = (size_t)(to - from);
	else if (result < 0) {
		fail(t, errorOf(t, result));
		xsmcSetInteger(xsResult, -t->error);
	}
}

/* tls_close(handle, wire, room): the end; what is left to be sent is put to wire[0, room). Returns how much that is. */
void tls_close(xsMachine* the)
{
	Tls* t = connectionOf(the);
	int room = xsmcToInteger(xsArg(2)), count;
	t->out = tls_bytes(the, 1, 0, room, 1);
	t->outRoom = (size_t)room;
	t->outCount = 0;
	if (t->isOpen && !t->error && !t->isStalled && (t->pending == 0))
		mbedtls_ssl_close_notify(&t->ssl);
	count = (int)t->outCount;
	connections[xsmcToInteger(xsArg(0)) - 1] = NULL;
	dispose(t);
	xsmcSetInteger(xsResult, count);
}

/* The machine that used the connections is gone. */
void tls_forget(void)
{
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		if (connections[i])
			dispose(connections[i]);
		connections[i] = NULL;
	}
	dropSaved();
}
