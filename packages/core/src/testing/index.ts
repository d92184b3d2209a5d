export type { ContractCase, StorageContractOptions, StorageUnderTest } from './storage-contract.ts'
export { storageContract } from './storage-contract.ts'
