/** Contention as tables, and the wait-for graph as text, DOT or mermaid. */

import type { Contention, Edge, Hold } from '../../audit/contention.js';
import type { Paint } from '../output.js';
import { ageText, countText, fileSystemText, modeText, rangeText, tableLines } from './text.js';

export function contentionLines(found: Contention, paint: Paint): string[] {
  const { group, from, to, files, owners, holders, edges, moreEdges } = found;
  const about = found.exact ? [] : ['there were more files or owners than are counted at a time: sums may be too low'];
  return [
    paint('bold', `group ${group}, positions ${from} to ${to}`),
    ...about,
    '',
    ...(files.length === 0
      ? ['nobody waited']
      : tableLines(
          ['FILES THAT WERE WAITED FOR', 'WAITS', 'TOGETHER', 'LONGEST'],
          files.map(({ about: file, count, sum, max }) => [fileText(file), String(count), ageText(sum), ageText(max)]),
          paint,
        )),
    '',
    ...(owners.length === 0
      ? []
      : [
          ...tableLines(
            ['OWNERS THAT WAITED', 'WAITS', 'TOGETHER', 'LONGEST'],
            owners.map(({ name, count, sum, max }) => [name, String(count), ageText(sum), ageText(max)]),
            paint,
          ),
          '',
        ]),
    ...(holders.length === 0
      ? ['nobody held anything']
      : tableLines(['LONGEST HOLDERS', 'HELD', '', 'MODE', 'RANGE', 'FILE'], holders.map(holdCells), paint)),
    '',
    ...(edges.length === 0 ? ['nobody waits at the end'] : [paint('bold', 'who waits for whom at the end')]),
    ...edges.map(
      (edge) =>
        `  ${waiterName(edge)} -> ${holderName(edge)}: lock ${edge.lock} of ${fileText(edge.file)}, for ${ageText(edge.ageMs)}`,
    ),
    ...(moreEdges === 0 ? [] : [`  and ${countText(moreEdges, 'younger wait')}`]),
  ];
}

/** For Graphviz: `dot -Tsvg`. */
export function dotLines(all: readonly Contention[]): string[] {
  const edges = all.flatMap((found) => found.edges);
  return [
    'digraph waits {',
    '  rankdir=LR; node [shape=box, fontname="sans-serif"]; edge [fontname="sans-serif"];',
    ...edges.map(
      (edge) => `  ${quoted(waiterName(edge))} -> ${quoted(holderName(edge))} [label=${quoted(ageText(edge.ageMs))}];`,
    ),
    '}',
  ];
}

export function mermaidLines(all: readonly Contention[]): string[] {
  const edges = all.flatMap((found) => found.edges);
  const names = [...new Set(edges.flatMap((edge) => [waiterName(edge), holderName(edge)]))];
  const id = (name: string): string => `n${names.indexOf(name)}`;
  return [
    'graph LR',
    ...names.map((name) => `  ${id(name)}["${entities(name)}"]`),
    ...edges.map((edge) => `  ${id(waiterName(edge))} -->|${ageText(edge.ageMs)}| ${id(holderName(edge))}`),
  ];
}

function holdCells(hold: Hold): string[] {
  const { client, clientAddress, svid, heldMs, still, exclusive, start, end } = hold;
  const who = `${client}@${clientAddress} svid ${svid}`;
  return [who, ageText(heldMs), still ? 'still' : '', modeText(exclusive), rangeText(start, end), fileText(hold)];
}

function waiterName({ waiter }: Edge): string {
  return `${waiter.client}@${waiter.clientAddress} svid ${waiter.svid}`;
}

function holderName({ holder }: Edge): string {
  return `${holder.client}@${holder.clientAddress} svid ${holder.svid}`;
}

function fileText({ fileSystem, handle }: { readonly fileSystem: string; readonly handle: string }): string {
  return `${fileSystemText(fileSystem)} ${handle}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Clients name themselves: nothing of a name may be markup. */
function entities(text: string): string {
  return text.replace(/[&"<>#;]/g, (character) => `#${character.charCodeAt(0)};`);
}
