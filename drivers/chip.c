/* What only C can reach: random numbers, the cause of the last start. Interface: chip.ts beside it.
 * Written for ESP32 (ESP-IDF), ESP8266 (non-OS SDK) and Linux. */

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#if ESP32
	#include "esp_system.h"
	#include "esp_random.h"
#elif defined(__ets__)
	#include "user_interface.h"
#else
	#include <sys/random.h>
#endif

/* modules/ports/events.ts, RestartCause */
enum { kPowerUp = 0, kApplicationReset = 1, kUnknown = 7, kWatchdog = 8 };

/* chip_entropy(bytes, from, to): fills the range; the caller has checked it. */
void chip_entropy(xsMachine *the)
{
	void *data;
	xsUnsignedValue length;
	int from = xsmcToInteger(xsArg(1));
	int to = xsmcToInteger(xsArg(2));

	xsmcGetBufferWritable(xsArg(0), &data, &length);
	if ((from < 0) || (to < from) || ((xsUnsignedValue)to > length))
		xsRangeError("range");

	uint8_t *bytes = data;
#if ESP32
	esp_fill_random(bytes + from, to - from);
#elif defined(__ets__)
	/* one byte per read of the register: neighbouring reads share few bits */
	while (from < to)
		bytes[from++] = (uint8_t)(*(volatile uint32_t *)0x3FF20E44);
#else
	while (from < to) {
		ssize_t count = getrandom(bytes + from, to - from, 0);
		if (count <= 0)
			xsUnknownError("no entropy");
		from += count;
	}
#endif
}

void chip_cause(xsMachine *the)
{
	int cause = kPowerUp;
#if ESP32
	switch (esp_reset_reason()) {
		case ESP_RST_POWERON:
		case ESP_RST_BROWNOUT:
		case ESP_RST_EXT:
			cause = kPowerUp;
			break;
		case ESP_RST_SW:
		case ESP_RST_DEEPSLEEP:
			cause = kApplicationReset;
			break;
		case ESP_RST_INT_WDT:
		case ESP_RST_TASK_WDT:
		case ESP_RST_WDT:
			cause = kWatchdog;
			break;
		default:
			cause = kUnknown;	/* a panic among others */
			break;
	}
#elif defined(__ets__)
	switch (system_get_rst_info()->reason) {
		case REASON_DEFAULT_RST:
		case REASON_EXT_SYS_RST:
			cause = kPowerUp;
			break;
		case REASON_SOFT_RESTART:
		case REASON_DEEP_SLEEP_AWAKE:
			cause = kApplicationReset;
			break;
		case REASON_WDT_RST:
		case REASON_SOFT_WDT_RST:
			cause = kWatchdog;
			break;
		default:
			cause = kUnknown;
			break;
	}
#endif
	xsmcSetInteger(xsResult, cause);
}
