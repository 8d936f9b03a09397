// The blocks of this build. Their order is the order in which a connection is used: what a driver or the CSMS waits for
// comes first, routine last. The state of the connectors goes before the queue of transaction events: only the state
// as it is now is told, and behind a day's backlog a whole charge would pass untold.

import { freeze } from "../../preload/freeze.js";
import { authorizationBlock } from "../blocks/authorization.js";
import { availabilityBlock } from "../blocks/availability.js";
import type { Block } from "../blocks/block.js";
import { certificatesBlock } from "../blocks/certificates.js";
import { customerInformationBlock } from "../blocks/customer-information.js";
import { dataTransferBlock } from "../blocks/data-transfer.js";
import { deviceModelBlock } from "../blocks/device-model.js";
import { diagnosticsBlock } from "../blocks/diagnostics.js";
import { firmwareBlock } from "../blocks/firmware.js";
import { meteringBlock } from "../blocks/metering.js";
import { provisioningBlock } from "../blocks/provisioning.js";
import { remoteControlBlock } from "../blocks/remote-control.js";
import { securityBlock } from "../blocks/security.js";
import { signingBlock } from "../blocks/signing.js";
import { transactionsBlock } from "../blocks/transactions.js";

export const BLOCKS: readonly Block[] = freeze([
	provisioningBlock,
	authorizationBlock,
	availabilityBlock,
	transactionsBlock,
	remoteControlBlock,
	deviceModelBlock,
	meteringBlock,
	dataTransferBlock,
	securityBlock,
	diagnosticsBlock,
	customerInformationBlock,
	firmwareBlock,
	certificatesBlock,
	signingBlock,
]);
