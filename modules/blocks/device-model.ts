// B. Provisioning, its second half: variables are read, written and reported. Results and report rows are made one at a
// time while the message is being sent, so a full report never exists whole.
// Source: OCPP 2.0.1 Part 2, B05 to B07.

import { Action } from "../../preload/actions.js";
import { RpcError } from "../../preload/errors.js";
import { freeze } from "../../preload/freeze.js";
import { LIMITS } from "../../preload/limits.js";
import type {
	ComponentType,
	DataEnumType,
	GetBaseReportRequest,
	GetBaseReportResponse,
	GetVariableDataType,
	GetVariableResultType,
	GetVariablesRequest,
	MutabilityEnumType,
	NotifyReportRequest,
	ReportDataType,
	SetVariableDataType,
	SetVariableResultType,
	SetVariableStatusEnumType,
	SetVariablesRequest,
	VariableAttributeType,
	VariableCharacteristicsType,
	VariableType,
} from "../../preload/payloads.js";
import {
	COMPONENT,
	COMPONENT_NAMES,
	DATA_TYPE,
	DATA_TYPE_NAMES,
	LIVE,
	MAX,
	MIN,
	MUTABILITY,
	MUTABILITY_NAMES,
	Mutability,
	PERSISTENT,
	SCOPE,
	UNIT,
	UNIT_NAMES,
	VALUES_LIST,
	VARIABLE_COUNT,
	VARIABLE_INSTANCES,
	VARIABLE_NAMES,
	Variable,
} from "../../preload/variables.js";
import { formatDateTime } from "../core/datetime.js";
import type { LazyList } from "../core/encode.js";
import { connectorStatus, stationStatus } from "../model/availability.js";
import { sameText } from "../model/pending-token.js";
import { Registration } from "../model/registration.js";
import { ReportBase } from "../model/report.js";
import { accepts } from "../storage/variables.js";
import { VaultKind, type Vault } from "../storage/vault.js";
import type { Answer, Block, Failure, Station } from "./block.js";

const REPORT_ACCEPTED: GetBaseReportResponse = freeze({ status: "Accepted" } as const);
const REPORT_REJECTED: GetBaseReportResponse = freeze({ status: "Rejected" } as const);
const REPORT_NOT_SUPPORTED: GetBaseReportResponse = freeze({ status: "NotSupported" } as const);

/** find() names what is unknown by these. */
const UNKNOWN_COMPONENT = -1;
const UNKNOWN_VARIABLE = -2;
const SCOPE_STATION = 0;
const SCOPE_EVSE = 1;

// --- addresses ---

/**
 * Variable id of a component and variable as a CSMS names them; names and instances compare without case (Part 4
 * §4.1.6). UNKNOWN_COMPONENT comes before UNKNOWN_VARIABLE (B05.FR.04, B05.FR.05, B06.FR.14, B06.FR.15).
 */
function find(station: Station, component: ComponentType, variable: VariableType): number {
	let found = UNKNOWN_COMPONENT;
	const instance = variable.instance === undefined ? "" : variable.instance;
	for (let id = 0; id < VARIABLE_COUNT; id++) {
		if (!sameText(component.name, COMPONENT_NAMES[COMPONENT[id] as number] as string)) continue;
		if (!isPlace(station, SCOPE[id] as number, component)) return UNKNOWN_COMPONENT;
		found = UNKNOWN_VARIABLE;
		if (!sameText(variable.name, VARIABLE_NAMES[id] as string)) continue;
		if (sameText(instance, VARIABLE_INSTANCES[id] as string)) return id;
	}
	return found;
}

/** True when a component of this scope exists at the EVSE and connector that are named. None has instances. */
function isPlace(station: Station, scope: number, component: ComponentType): boolean {
	if (component.instance !== undefined && component.instance !== "") return false;
	const evse = component.evse;
	if (scope === SCOPE_STATION) return evse === undefined;
	if (evse === undefined || evse.id < 1 || evse.id > station.evses.length) return false;
	return scope === SCOPE_EVSE ? evse.connectorId === undefined : evse.connectorId === 1;
}

function evseIndexOf(component: ComponentType): number {
	return component.evse === undefined ? 0 : component.evse.id - 1;
}

// --- values ---

/** The present value of a variable, live or kept. */
function valueOf(station: Station, id: number, evseIndex: number): string {
	if (LIVE[id] === 0) return station.variables.text(id);
	const evse = station.evses[evseIndex]!;
	switch (id) {
		case Variable.ChargingStationAvailabilityState:
			return stationStatus(station.evses);
		case Variable.EVSEAvailabilityState:
		case Variable.ConnectorAvailabilityState:
			return connectorStatus(evse);
		case Variable.ChargingStationSupplyPhases:
		case Variable.EVSESupplyPhases:
		case Variable.ConnectorSupplyPhases:
			return String(evse.port.phases);
		case Variable.EVSEPower:
			// A meter may be silent, or know no power.
			return station.sample(evse) && station.reading.powerW > 0 ? String(Math.round(station.reading.powerW)) : "0";
		case Variable.ConnectorConnectorType:
			return evse.port.connectorType;
		case Variable.ClockDateTime:
			return formatDateTime(station.host.clock.utc());
		case Variable.DeviceDataItemsPerMessageGetReport:
		case Variable.DeviceDataItemsPerMessageGetVariables:
		case Variable.DeviceDataItemsPerMessageSetVariables:
			return String(LIMITS.itemsPerMessage);
		case Variable.DeviceDataBytesPerMessageGetReport:
		case Variable.DeviceDataBytesPerMessageGetVariables:
		case Variable.DeviceDataBytesPerMessageSetVariables:
			return String(LIMITS.bytesPerMessage);
		case Variable.DeviceDataConfigurationValueSize:
			return String(LIMITS.configurationValueBytes);
		case Variable.OCPPCommActiveNetworkProfile:
			return String(station.slot);
		case Variable.OCPPCommFileTransferProtocols:
			return station.host.socket.speaksTls === true ? "HTTP,HTTPS" : "HTTP";
		case Variable.SecurityIdentity:
			return station.host.identity.identity;
		case Variable.SecurityCertificateEntries:
			return String(entries(station.vault));
		case Variable.SecurityMaxCertificateChainSize:
			return String(LIMITS.certificateChainBytes);
		case Variable.SecuritySecurityProfile:
			return String(station.securityProfile);
		case Variable.OCPPCommMessageTimeoutDefault:
			return String(station.messageTimeoutSeconds);
		case Variable.OCPPCommUnlockOnEVSideDisconnect:
			return station.evses[0]!.port.hasLock ? "true" : "false";
		default:
			return station.variables.text(id);
	}
}

/** Upper limit of a variable; where the table leaves it open, the hardware sets it. */
function maxOf(station: Station, id: number, evseIndex: number): number {
	if (id === Variable.EVSEPower) {
		const port = station.evses[evseIndex]!.port;
		return Math.round((NOMINAL_VOLTS * port.phases * port.milliampsMax) / 1000);
	}
	if (id === Variable.SecurityCertificateEntries) return entriesMax(station.vault);
	return MAX[id] as number;
}

/** Certificates that are installed. */
function entries(vault: Vault): number {
	return vault.count(VaultKind.csmsRoot) + vault.count(VaultKind.manufacturerRoot) + vault.count(VaultKind.station);
}

/** Roots, the station's certificate and its successor; a small vault shares its places among them. */
function entriesMax(vault: Vault): number {
	return vault.rootsMax === vault.places ? vault.places : vault.rootsMax + 2;
}

/** Phase voltage by which the most power of an AC outlet is told (IEC 60038). */
const NOMINAL_VOLTS = 230;

// --- GetVariables ---

class GetResults implements LazyList {
	readonly length: number;
	private readonly station: Station;
	private readonly items: readonly GetVariableDataType[];

	constructor(station: Station, items: readonly GetVariableDataType[]) {
		this.station = station;
		this.items = items;
		this.length = items.length;
	}

	item(index: number): GetVariableResultType {
		const asked = this.items[index]!;
		const result: GetVariableResultType = {
			attributeStatus: "Accepted",
			attributeType: asked.attributeType === undefined ? "Actual" : asked.attributeType,
			component: asked.component,
			variable: asked.variable,
		};
		const id = find(this.station, asked.component, asked.variable);
		if (id === UNKNOWN_COMPONENT) result.attributeStatus = "UnknownComponent";
		else if (id === UNKNOWN_VARIABLE) result.attributeStatus = "UnknownVariable";
		else if (result.attributeType !== "Actual") result.attributeStatus = "NotSupportedAttributeType";
		else if (MUTABILITY[id] === Mutability.WriteOnly) result.attributeStatus = "Rejected"; // B06.FR.09
		else result.attributeValue = valueOf(this.station, id, evseIndexOf(asked.component));
		return result;
	}
}

function getVariables(station: Station, request: GetVariablesRequest): Answer {
	const items = request.getVariableData;
	if (items.length > LIMITS.itemsPerMessage) return RpcError.OccurrenceConstraintViolation; // B06.FR.16
	return { getVariableResult: new GetResults(station, items) };
}

// --- SetVariables ---

class SetResults implements LazyList {
	readonly length: number;
	private readonly items: readonly SetVariableDataType[];
	private readonly statuses: SetVariableStatusEnumType[];

	constructor(items: readonly SetVariableDataType[], statuses: SetVariableStatusEnumType[]) {
		this.items = items;
		this.statuses = statuses;
		this.length = items.length;
	}

	item(index: number): SetVariableResultType {
		const asked = this.items[index]!;
		return {
			attributeType: asked.attributeType === undefined ? "Actual" : asked.attributeType,
			attributeStatus: this.statuses[index]!,
			component: asked.component,
			variable: asked.variable,
		};
	}
}

/** One verdict per item; a bad one does not undo a good one, and Accepted means that the value is on flash. */
function setVariables(station: Station, request: SetVariablesRequest): Answer {
	const items = request.setVariableData;
	if (items.length > LIMITS.itemsPerMessage) return RpcError.OccurrenceConstraintViolation;
	const statuses: SetVariableStatusEnumType[] = [];
	for (let i = 0; i < items.length; i++) statuses.push(setVariable(station, items[i]!));
	return { setVariableResult: new SetResults(items, statuses) };
}

function setVariable(station: Station, asked: SetVariableDataType): SetVariableStatusEnumType {
	const id = find(station, asked.component, asked.variable);
	if (id === UNKNOWN_COMPONENT) return "UnknownComponent";
	if (id === UNKNOWN_VARIABLE) return "UnknownVariable";
	if (asked.attributeType !== undefined && asked.attributeType !== "Actual") return "NotSupportedAttributeType";
	if (MUTABILITY[id] === Mutability.ReadOnly || !accepts(id, asked.attributeValue)) return "Rejected";
	if (id === Variable.OCPPCommNetworkConfigurationPriority && !slotsAreUsable(station, asked.attributeValue))
		return "Rejected"; // B10.FR.02
	if (id === Variable.SecurityBasicAuthPassword) {
		if (!station.setPassword(asked.attributeValue)) return "Rejected";
		station.credentialsChanged = true;
		return "Accepted";
	}
	return station.variables.set(id, asked.attributeValue) ? "Accepted" : "Rejected";
}

/**
 * Each slot holds a profile (B10.FR.02), none with less security than is in use (A05.FR.10), and for TLS there is
 * a root (A05.FR.02), with profile 3 also a certificate of the station (A05.FR.03).
 */
function slotsAreUsable(station: Station, priority: string): boolean {
	const slots = priority.split(",");
	for (let i = 0; i < slots.length; i++) {
		const securityProfile = station.securityProfileOf(Number(slots[i]));
		if (securityProfile === 0 || securityProfile < station.securityProfile) return false;
		if (securityProfile >= 2 && station.vault.count(VaultKind.csmsRoot) === 0) return false;
		if (securityProfile === 3 && station.vault.count(VaultKind.station) === 0) return false;
	}
	return true;
}

/** A01.FR.03: the answer first, then a new connection with the new password. */
function variablesSet(station: Station): void {
	if (!station.credentialsChanged) return;
	station.credentialsChanged = false;
	station.reconnect();
}

// --- GetBaseReport ---

function getBaseReport(station: Station, request: GetBaseReportRequest): Answer {
	if (request.reportBase === "SummaryInventory") return REPORT_NOT_SUPPORTED;
	const report = station.report;
	if (report.base !== ReportBase.none) return REPORT_REJECTED;
	const base = request.reportBase === "FullInventory" ? ReportBase.full : ReportBase.configuration;
	report.begin(base, request.requestId);
	return REPORT_ACCEPTED;
}

/** FR.05: the report waits until its answer is out. */
function reportAsked(station: Station): void {
	const report = station.report;
	if (report.base !== ReportBase.none) report.isReleased = true;
}

/** Rows of a report: variables in table order, one row per EVSE or connector where the scope says so. */
function rowCount(station: Station, base: ReportBase): number {
	let count = 0;
	for (let id = 0; id < VARIABLE_COUNT; id++) count += rowsOf(station, base, id);
	return count;
}

function rowsOf(station: Station, base: ReportBase, id: number): number {
	if (base === ReportBase.configuration && MUTABILITY[id] === Mutability.ReadOnly) return 0;
	return SCOPE[id] === SCOPE_STATION ? 1 : station.evses.length;
}

class ReportRows implements LazyList {
	readonly length: number;
	private readonly station: Station;

	constructor(station: Station) {
		this.station = station;
		this.length = station.report.to - station.report.from;
	}

	item(index: number): ReportDataType {
		const report = this.station.report;
		let left = report.from + index;
		let id = 0;
		for (; ; id++) {
			const rows = rowsOf(this.station, report.base, id);
			if (left < rows) break;
			left -= rows;
		}
		return reportRow(this.station, id, left);
	}
}

function reportRow(station: Station, id: number, evseIndex: number): ReportDataType {
	const component: ComponentType = { name: COMPONENT_NAMES[COMPONENT[id] as number] as string };
	if (SCOPE[id] !== SCOPE_STATION)
		component.evse = SCOPE[id] === SCOPE_EVSE ? { id: evseIndex + 1 } : { id: evseIndex + 1, connectorId: 1 };
	const variable: VariableType = { name: VARIABLE_NAMES[id] as string };
	if (VARIABLE_INSTANCES[id] !== "") variable.instance = VARIABLE_INSTANCES[id];
	const attribute: VariableAttributeType = {
		type: "Actual",
		mutability: MUTABILITY_NAMES[MUTABILITY[id] as number] as MutabilityEnumType,
		persistent: PERSISTENT[id] === 1,
		constant: false,
	};
	if (MUTABILITY[id] !== Mutability.WriteOnly) attribute.value = valueOf(station, id, evseIndex); // B07.FR.03
	const max = maxOf(station, id, evseIndex);
	const characteristics: VariableCharacteristicsType = {
		dataType: DATA_TYPE_NAMES[DATA_TYPE[id] as number] as DataEnumType,
		supportsMonitoring: false,
	};
	if (UNIT[id] !== 0) characteristics.unit = UNIT_NAMES[UNIT[id] as number];
	if (MIN[id] !== -Infinity) characteristics.minLimit = MIN[id];
	if (max !== Infinity) characteristics.maxLimit = max;
	if (VALUES_LIST[id] !== "") characteristics.valuesList = VALUES_LIST[id];
	return {
		component,
		variable,
		variableAttribute: [attribute],
		variableCharacteristics: characteristics,
	};
}

function reportDue(station: Station): boolean {
	return station.report.base !== ReportBase.none && station.report.isReleased;
}

function notifyReport(station: Station): NotifyReportRequest {
	const report = station.report;
	const total = rowCount(station, report.base);
	report.to = Math.min(total, report.from + LIMITS.reportRowsPerMessage);
	report.isLast = report.to === total;
	return {
		requestId: report.requestId,
		generatedAt: formatDateTime(station.host.clock.utc()),
		reportData: new ReportRows(station) as unknown as ReportDataType[],
		tbc: !report.isLast,
		seqNo: report.seqNo,
	};
}

function notifyReportResult(station: Station): void {
	const report = station.report;
	if (report.isLast) return report.end();
	report.from = report.to;
	report.seqNo++;
}

/** The CSMS does not want this part: the rest is of no use to it. A broken link ends the report as well. */
function notifyReportFailed(station: Station, _failure: Failure): void {
	station.report.end();
}

function deviceModelLink(station: Station, up: boolean): void {
	if (!up) station.report.end();
}

export const deviceModelBlock: Block = freeze({
	section: "B",
	calls: [
		{ action: Action.GetVariables, gate: Registration.Pending, handle: getVariables },
		{ action: Action.SetVariables, gate: Registration.Pending, handle: setVariables, afterwards: variablesSet },
		{ action: Action.GetBaseReport, gate: Registration.Pending, handle: getBaseReport, afterwards: reportAsked },
	],
	sends: [
		{
			action: Action.NotifyReport,
			gate: Registration.Pending,
			isDue: reportDue,
			build: notifyReport,
			onResult: notifyReportResult,
			onFailure: notifyReportFailed,
		},
	],
	link: deviceModelLink,
});
