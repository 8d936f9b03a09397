// The base report that is being sent: which rows are left. The rows themselves exist only one at a time.

export const enum ReportBase { none = 0, configuration = 1, full = 2 }

export class BaseReport {
	base: ReportBase = ReportBase.none;
	requestId = 0;
	/** Rows [from, to) are those of the NotifyReport that is sent next or on its way. */
	from = 0;
	to = 0;
	seqNo = 0;
	/** The answer to GetBaseReport is out: NotifyReports may follow. */
	isReleased = false;
	/** The one on its way is the last. */
	isLast = false;

	begin(base: ReportBase, requestId: number): void {
		this.base = base;
		this.requestId = requestId;
		this.from = 0;
		this.to = 0;
		this.seqNo = 0;
		this.isReleased = false;
		this.isLast = false;
	}

	end(): void {
		this.base = ReportBase.none;
	}
}
