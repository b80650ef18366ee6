/** How a waiter is called back once it is granted: in the version, over the transport and in the form of its LOCK. */

declare const callbackFormBrand: unique symbol;
/** Packed, as events and rows have it: bits 0 to 2 the version of NLM, bit 3 UDP, bit 4 the _MSG form. */
export type CallbackForm = number & { readonly [callbackFormBrand]: true };

export interface CallbackFormParts {
  readonly version: number;
  readonly transport: 'tcp' | 'udp';
  /** True where the client asked by LOCK_MSG, and expects GRANTED_MSG. */
  readonly message: boolean;
}

export const CALLBACK_FORM_BITS = 5;
const VERSION_MASK = 7;
const UDP = 8;
const MESSAGE = 16;

export function callbackForm({ version, transport, message }: CallbackFormParts): CallbackForm {
  // The cast brands what is packed here.
  return ((version & VERSION_MASK) | (transport === 'udp' ? UDP : 0) | (message ? MESSAGE : 0)) as CallbackForm;
}

export function callbackFormParts(form: CallbackForm): CallbackFormParts {
  return {
    version: form & VERSION_MASK,
    transport: (form & UDP) === 0 ? 'tcp' : 'udp',
    message: (form & MESSAGE) !== 0,
  };
}
