// A table: headings that sort, CSV, scrolling of its own when it is wider than the page.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../i18n/text';
import { toCsv } from './csv';

export interface Column<T> {
  key: string;
  title: string;
  value: (row: T) => string | number | boolean | null | undefined; // sorts, and goes into the CSV
  show?: (row: T) => ComponentChildren; // default: the value
  numeric?: boolean;
  raw?: boolean; // the title is a name from the data: shown as it is written
}

export interface TableProps<T> {
  name: string; // of the CSV file, and for screen readers
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T, index: number) => string;
  sortable?: boolean; // false where the server pages: a page is not the whole
  detail?: (row: T) => ComponentChildren; // shown under an opened row
  open?: string; // key of the opened row
  onOpen?: (key: string | undefined) => void;
  foot?: ComponentChildren;
}

export function Table<T>(props: TableProps<T>) {
  const { columns, rows, rowKey, sortable = true } = props;
  const [sort, setSort] = useState<{ key: string; down: boolean } | undefined>();
  const by = sort && columns.find((column) => column.key === sort.key);
  const keyed = rows.map((row, index) => ({ row, key: rowKey(row, index) }));
  const shown = by ? [...keyed].sort((a, b) => compare(by.value(a.row), by.value(b.row)) * (sort?.down ? -1 : 1)) : keyed;
  const turn = (column: Column<T>) => setSort(sort?.key === column.key ? (sort.down ? undefined : { key: column.key, down: true })
    : { key: column.key, down: false });
  return (
    <div class="table">
      <div class="scroll" tabIndex={0} role="region" aria-label={props.name}>
        <table>
          <caption class="hidden">{props.name}</caption>
          <thead><tr>
            {props.detail && <th class="opener"><span class="hidden">{t('open_finding')}</span></th>}
            {columns.map((column) => (
              <th key={column.key} scope="col" class={`${column.numeric ? 'n' : ''} ${column.raw ? 'name' : ''}`}
                aria-sort={by === column ? (sort?.down ? 'descending' : 'ascending') : undefined}>
                {sortable
                  ? <button type="button" onClick={() => turn(column)}>{column.title}<span aria-hidden="true">{by === column ? (sort?.down ? ' ↓' : ' ↑') : ''}</span></button>
                  : column.title}
              </th>
            ))}
          </tr></thead>
          <tbody>{shown.map(({ row, key }) => <Row key={key} row={row} id={key} table={props} />)}</tbody>
        </table>
      </div>
      <footer>{props.foot}<button type="button" class="csv" title={t('export_csv')} onClick={() => download(props.name, toCsv(columns, rows))}>{t('csv')}</button></footer>
    </div>
  );
}

function Row<T>({ row, id, table }: { row: T; id: string; table: TableProps<T> }) {
  const { columns, detail, open, onOpen } = table;
  const isOpen = open === id;
  return (
    <>
      <tr class={isOpen ? 'open' : undefined}>
        {detail && (
          <td class="opener">
            <button type="button" aria-expanded={isOpen} aria-label={`${t('open_finding')} ${id}`} onClick={() => onOpen?.(isOpen ? undefined : id)}>
              <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span>
            </button>
          </td>
        )}
        {columns.map((column) => {
          const value = column.value(row);
          return <td key={column.key} class={column.numeric ? 'n' : undefined}>{column.show ? column.show(row) : value ?? '–'}</td>;
        })}
      </tr>
      {isOpen && detail && <tr class="detail"><td colSpan={columns.length + 1}>{detail(row)}</td></tr>}
    </>
  );
}

type Cell = string | number | boolean | null | undefined;

function compare(a: Cell, b: Cell): number {
  if (a === null || a === undefined) return b === null || b === undefined ? 0 : -1;
  if (b === null || b === undefined) return 1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

function download(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' }));
  link.download = `${name.replace(/[^\p{L}\p{N}._-]+/gu, '-')}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
